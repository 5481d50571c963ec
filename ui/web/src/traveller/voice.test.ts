import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Voice } from './voice';

class Utterance {
  voice: SpeechSynthesisVoice | null = null;
  lang = '';
  onend: (() => void) | null = null;
  constructor(readonly text: string) {}
}

const voice = (lang: string, localService: boolean) => ({ lang, localService }) as SpeechSynthesisVoice;

/** A synthesizer that speaks until told that it has finished. */
class Synth {
  said: Utterance[] = [];
  speaking = false;
  constructor(readonly voices: SpeechSynthesisVoice[]) {}
  getVoices = () => this.voices;
  speak = (line: Utterance) => {
    this.said.push(line);
    this.speaking = true;
  };
  cancel = () => (this.speaking = false);
  finish() {
    this.speaking = false;
    this.said.at(-1)?.onend?.();
  }
}

function seat(...voices: SpeechSynthesisVoice[]) {
  const synth = new Synth(voices);
  const tone = vi.fn();
  return { synth, tone, voice: new Voice(tone, synth as unknown as SpeechSynthesis) };
}

describe('the voice', () => {
  beforeEach(() => vi.stubGlobal('SpeechSynthesisUtterance', Utterance));
  afterEach(() => vi.unstubAllGlobals());

  it('speaks with a voice of this machine', () => {
    const one = seat(voice('de-DE', false), voice('de_AT', true), voice('en-GB', true));
    one.voice.say('Bitte warten', 'de', true);
    expect(one.synth.said.map((line) => [line.text, line.lang])).toEqual([['Bitte warten', 'de_AT']]);
    expect(one.tone).not.toHaveBeenCalled();
  });

  it('never uses a remote voice or one of another language: a tone in their place', () => {
    const one = seat(voice('de-DE', false), voice('en-GB', true), voice('', true));
    one.voice.say('Bitte warten', 'de', true);
    expect(one.synth.said).toEqual([]);
    expect(one.tone).toHaveBeenCalledTimes(1);
  });

  it('sounds a tone in a browser that cannot speak', () => {
    const tone = vi.fn();
    new Voice(tone, undefined).say('Please wait', 'en', false);
    expect(tone).toHaveBeenCalledTimes(1);
  });

  it('says only the newest advice once it has finished, and a new step at once', () => {
    const one = seat(voice('en-GB', true));
    one.voice.say('Come closer.', 'en', false);
    one.voice.say('Take a step back.', 'en', false);
    one.voice.say('Stand still.', 'en', false);
    expect(one.synth.said).toHaveLength(1);
    one.synth.finish();
    expect(one.synth.said.map((line) => line.text)).toEqual(['Come closer.', 'Stand still.']);
    one.voice.say('Come closer.', 'en', false);
    one.voice.say('Please go through', 'en', true);
    expect(one.synth.said.at(-1)?.text).toBe('Please go through');
    one.synth.finish();
    expect(one.synth.said).toHaveLength(3);
  });

  it('is silent once stopped, also when the line cut off reports its end late', () => {
    const one = seat(voice('en-GB', true));
    one.voice.say('Come closer.', 'en', false);
    one.voice.say('Stand still.', 'en', false);
    one.voice.stop();
    one.synth.finish();
    expect(one.synth.said).toHaveLength(1);
    expect(one.synth.speaking).toBe(false);
  });
});
