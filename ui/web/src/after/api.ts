/** Calls about the past. */
import { call, refusal } from '../lib/api';
import type { components } from '../lib/schema';

type Schemas = components['schemas'];
export type PassagePage = Schemas['PassagePage'];
export type LanePassage = Schemas['LanePassage'];
export type PassageRecord = Schemas['PassageRecord'];
export type DecisionRecord = Schemas['DecisionRecord'];
export type CheckRecord = Schemas['CheckRecord'];
export type Journal = Schemas['Journal'];
export type VerifyState = Schemas['VerifyState'];
export type StatisticsView = Schemas['StatisticsView'];
export type RateView = Schemas['RateView'];
export type HourCounts = Schemas['HourCounts'];
export type StepTimes = Schemas['StepTimes'];
export type ReasonCount = Schemas['ReasonCount'];
export type Devices = Schemas['Devices'];
export type FaultSpan = Schemas['FaultSpan'];
export type Versions = Schemas['Versions'];
export type Claims = Schemas['ClaimsAnswer'];
export type BandClaim = Schemas['BandClaim'];
export type MissingLane = Schemas['MissingLane'];

/** Words of a question; what is empty does not narrow. */
export type Asked = Record<string, string | number | undefined>;

export function query(asked: Asked): string {
  const pairs = Object.entries(asked).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  );
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : '';
}

const of = (lane: string, what: string): string => `/api/history/${encodeURIComponent(lane)}/${what}`;

export const passages = (asked: Asked): Promise<PassagePage> => call('GET', `/api/history/passages${query(asked)}`);
export const statistics = (asked: Asked): Promise<StatisticsView> =>
  call('GET', `/api/history/statistics${query(asked)}`);
export const journal = (lane: string, asked: Asked): Promise<Journal> =>
  call('GET', `${of(lane, 'journal')}${query(asked)}`);
export const verification = (lane: string): Promise<VerifyState> => call('GET', of(lane, 'verify'));
export const verify = (lane: string, expect: string): Promise<VerifyState> =>
  call('POST', of(lane, 'verify'), { expect });
export const devices = (lane: string, asked: Asked): Promise<Devices> =>
  call('GET', `${of(lane, 'devices')}${query(asked)}`);
export const versions = (lane: string): Promise<Versions> => call('GET', of(lane, 'versions'));
export const claims = (lane: string): Promise<Claims> => call('GET', of(lane, 'claims'));

/** Have a file made and hand it to the browser. Fetched first, so that a refusal is read here and not saved. */
export async function save(kind: 'csv' | 'json', asked: Asked): Promise<string> {
  const answer = await fetch(`/api/history/passages.${kind}${query(asked)}`, { credentials: 'same-origin' });
  if (!answer.ok) throw await refusal(answer);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `passages-${new Date().toISOString().slice(0, 16).replace(':', '')}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return link.download;
}
