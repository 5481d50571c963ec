/** Alarm tones. A browser lets a page sound only after a click or key in the same document: signing in is that. */

export class Sound {
  #context: AudioContext | null = null;

  constructor(private readonly onState: (on: boolean) => void) {}

  /** Call from a click or key press. */
  async enable(): Promise<void> {
    if (this.#context === null) {
      this.#context = new AudioContext();
      this.#context.onstatechange = () => this.onState(this.#context?.state === 'running');
    }
    await this.#context.resume();
    this.onState(this.#context.state === 'running');
  }

  /** Two notes for a referral, three falling ones for something urgent. */
  play(urgent: boolean): void {
    const context = this.#context;
    if (context?.state !== 'running') return;
    const notes = urgent ? [988, 784, 659] : [659, 880];
    notes.forEach((frequency, index) => {
      const start = context.currentTime + index * 0.18;
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.16);
      tone.connect(volume).connect(context.destination);
      tone.start(start);
      tone.stop(start + 0.17);
    });
  }
}
