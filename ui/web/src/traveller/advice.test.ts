import { describe, expect, it } from 'vitest';
import type { Advice, Step } from '../lib/api';
import { CATALOGUES } from '../lib/texts';
import { fitting } from './advice';

const ALL = Object.keys(CATALOGUES.en.advice) as Advice[];
const STEPS = [...Object.keys(CATALOGUES.en.steps), 'link_lost'] as (Step | 'link_lost')[];
const shownIn = (advice: Advice) => STEPS.filter((step) => fitting(step, advice) === advice);

describe('advice', () => {
  it('on the document is shown while it is read, and nowhere else', () => {
    for (const advice of ['lay_down_again', 'leave_it_there'] as const)
      expect(shownIn(advice)).toEqual(['reading_document']);
  });

  it('on the capture is shown before the camera, and nowhere else', () => {
    const capture = ALL.filter((advice) => !shownIn(advice).includes('reading_document'));
    expect(capture).toHaveLength(ALL.length - 2);
    for (const advice of capture) expect(shownIn(advice)).toEqual(['look_at_camera']);
  });

  it.each([null, undefined, '', 'sing', 'constructor', '__proto__'])('%j is none', (advice) => {
    for (const step of STEPS) expect(fitting(step, advice as Advice)).toBeNull();
  });
});
