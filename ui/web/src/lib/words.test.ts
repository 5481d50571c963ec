import { describe, expect, it } from 'vitest';
import type { CheckView, InspectionView, LaneSnapshot, ReferralView } from './api';
import { colour, colourMap } from './ramp';
import { STEPS, duration, failingFirst, inspected, phaseInEnglish, whereabouts } from './words';

it('failing checks come first, whatever the lane sent', () => {
  const results = ['successful', 'not_performed', 'failed', 'aborted', 'undetermined', 'failed'] as const;
  const checks = results.map((result, index) => ({ name: 'liveness', result, reason: `${index}`, detail: '' }) as CheckView);
  expect(failingFirst(checks).map((check) => check.reason)).toEqual(['2', '5', '4', '3', '1', '0']);
});

describe('the inspection of a document', () => {
  const told = (step: InspectionView['step'], result: InspectionView['result']): InspectionView => ({ step, result, reasons: [result] });
  const inOrder = STEPS.map((step) => told(step, 'successful'));
  const shown = (views: readonly InspectionView[]): string[] => failingFirst(inspected(views)).map(({ step, result }) => `${step} ${result}`);
  it('keeps its order, with what failed first', () => {
    const views = inOrder.with(6, told('portrait', 'undetermined')).with(3, told('passive_authentication', 'failed')).reverse();
    expect(shown(views)).toEqual([
      'passive_authentication failed',
      'portrait undetermined',
      ...['mrz', 'access', 'reading', 'clone_detection', 'consistency'].map((step) => `${step} successful`),
    ]);
  });
  it('takes no step for done that nobody tells of', () => {
    expect(shown(inOrder.slice(1))[0]).toBe('mrz not_performed');
    expect(new Set(inspected([]).map((one) => one.result))).toEqual(new Set(['not_performed']));
  });
  it('believes the worst of a step that is told twice, in either order', () => {
    const twice = [...inOrder, told('clone_detection', 'failed')];
    for (const views of [twice, twice.toReversed()]) expect(shown(views)[0]).toBe('clone_detection failed');
    expect(inspected(twice)).toHaveLength(7);
  });
});

describe('whereabouts', () => {
  const lane = (position: string, released = false): LaneSnapshot =>
    ({
      doors: [
        { door: 'entry', position: 'closed', released: false },
        { door: 'exit', position, released },
      ],
    }) as unknown as LaneSnapshot;
  const inside = { inside: true } as ReferralView;
  it('says closed only when every contact says so', () => {
    expect(whereabouts(lane('closed'), inside)).toBe('Traveller is inside; both doors closed');
    expect(whereabouts(lane('unknown'), inside)).toContain('exit door unknown');
    expect(whereabouts(lane('closed', true), inside)).toContain('released');
  });
});

it('words and figures', () => {
  expect(phaseInEnglish('WaitingForFace')).toBe('Waiting for face');
  expect(phaseInEnglish('waiting_for_face')).toBe('Waiting for face');
  expect(duration(125.9)).toBe('2:05');
  expect(duration(-3)).toBe('0:00');
});

describe('the liveness map', () => {
  it('has a fixed scale', () => {
    expect(colour(0)).toEqual([24, 44, 74]);
    expect(colour(255)).toEqual([226, 58, 40]);
  });
  it('leaves a picture that is already coloured alone', () => {
    const pixels = new Uint8ClampedArray([10, 10, 10, 255, 200, 20, 20, 255]);
    expect(colourMap(pixels)).toBe(false);
    expect([...pixels]).toEqual([10, 10, 10, 255, 200, 20, 20, 255]);
  });
});
