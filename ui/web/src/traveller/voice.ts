/**
 * Reads the display aloud. Only voices installed on this machine: a remote one would send the text away. A tone where
 * there is none for the language.
 */

interface Line {
  text: string;
  language: string;
}

export class Voice {
  #next: Line | null = null;
  #turn = 0;

  constructor(
    private readonly tone: () => void,
    private readonly synth: SpeechSynthesis | undefined = globalThis.speechSynthesis,
  ) {
    // Chromium loads its list at the first call and answers that one with nothing.
    this.synth?.getVoices();
  }

  /** `now` cuts off what is being said; otherwise only the newest waits for its end: advice changes quickly. */
  say(text: string, language: string, now: boolean): void {
    if (!now && this.synth?.speaking) {
      this.#next = { text, language };
      return;
    }
    this.#next = null;
    this.#speak({ text, language });
  }

  stop(): void {
    this.#next = null;
    this.#turn += 1;
    this.synth?.cancel();
  }

  #speak({ text, language }: Line): void {
    this.stop();
    const voice = this.synth
      ?.getVoices()
      .find((each) => each.localService && each.lang.toLowerCase().split(/[-_]/)[0] === language);
    if (!this.synth || !voice) {
      this.tone();
      return;
    }
    const turn = this.#turn;
    const line = new SpeechSynthesisUtterance(text);
    line.voice = voice;
    line.lang = voice.lang;
    line.onend = () => {
      const next = this.#next;
      if (turn === this.#turn && next) this.#speak(next);
    };
    this.synth.speak(line);
  }
}
