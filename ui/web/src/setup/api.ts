/** Calls of the set-up. */
import { call, type Answer } from '../lib/api';
import type { components } from '../lib/schema';

type Schemas = components['schemas'];
export type SetupAnswer = Schemas['SetupAnswer'];
export type SelfTestState = Schemas['SelfTestState'];
export type SetupView = Schemas['SetupView'];
export type BandFigures = Schemas['BandFigures'];
export type MatcherThreshold = Schemas['MatcherThreshold'];
export type DetectorThresholds = Schemas['DetectorThresholds'];
export type Setting = Schemas['Setting'];

const of = (lane: string, what = ''): string => `/api/setup/${encodeURIComponent(lane)}${what}`;

export const how = (lane: string): Promise<SetupAnswer> => call('GET', of(lane));
export const tested = (lane: string): Promise<SelfTestState> => call('GET', of(lane, '/self-test'));
export const test = (lane: string): Promise<Answer> => call('POST', of(lane, '/self-test'));
export const look = (lane: string, body: Schemas['LookBody']): Promise<Answer> => call('POST', of(lane, '/look'), body);
export const stop = (lane: string, look_id: string | null = null): Promise<Answer> =>
  call('POST', of(lane, '/stop'), { look_id });
