/** Calls to the console, typed from its own description (`schema.d.ts` is generated). */
import { said as spoken, t } from './say.svelte';
import type { components } from './schema';

type Schemas = components['schemas'];
export type LaneStatus = Schemas['LaneStatus'];
export type LaneSnapshot = Schemas['LaneSnapshot'];
export type WatchSnapshot = Schemas['WatchSnapshot'];
export type AlertView = Schemas['AlertView'];
export type PassageView = Schemas['PassageView'];
export type ReferralView = Schemas['ReferralView'];
export type AttemptView = Schemas['AttemptView'];
export type DocumentView = Schemas['DocumentView'];
export type InspectionView = Schemas['InspectionView'];
export type CheckView = Schemas['CheckView'];
export type ImageView = Schemas['ImageView'];
export type DoorView = Schemas['DoorView'];
export type FaultView = Schemas['FaultView'];
export type DeviceView = Schemas['DeviceView'];
export type ModeView = Schemas['ModeView'];
export type SessionView = Schemas['SessionView'];
export type Answer = Schemas['Answer'];
export type Result = Schemas['Result'];
export type OfficerAction = Schemas['OfficerAction'];
export type Step = Schemas['Step'];
export type Advice = Schemas['Advice'];
export type TravellerView = Schemas['TravellerView'];
export type GuardEvent = LaneStatus | Schemas['Pulse'] | Schemas['SignedOut'];

/** The console refused or could not be reached; the message is for the officer. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What a console's answer that is no success says. */
export async function refusal(answer: Response): Promise<Refused> {
  const said = (await answer.json().catch(() => ({}))) as { detail?: unknown };
  return new Refused(answer.status, typeof said.detail === 'string' ? spoken(said.detail) : t('guard.errorStatus', { status: answer.status }));
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(8000),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refused(0, t('guard.noAnswer'));
  }
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json()) as T;
}

export const session = (): Promise<SessionView> => call('GET', '/api/session');
export const signIn = (body: Schemas['Login']): Promise<SessionView> => call('POST', '/api/session', body);
export const signOut = (): Promise<SessionView> => call('DELETE', '/api/session');
export const touch = (): Promise<SessionView> => call('POST', '/api/touch');
export const changePassword = (body: Schemas['PasswordChange']): Promise<SessionView> =>
  call('POST', '/api/password', body);
export const decide = (lane: string, body: Schemas['DecisionBody']): Promise<Answer> =>
  call('POST', `/api/lanes/${encodeURIComponent(lane)}/decision`, body);
export const service = (lane: string, body: Schemas['ServiceBody']): Promise<Answer> =>
  call('POST', `/api/lanes/${encodeURIComponent(lane)}/service`, body);
export const block = (lane: string, body: Schemas['BlockBody']): Promise<Answer> =>
  call('POST', `/api/lanes/${encodeURIComponent(lane)}/block`, body);
export const acknowledge = (lane: string, alert: string): Promise<Answer> =>
  call('POST', `/api/lanes/${encodeURIComponent(lane)}/alerts/${encodeURIComponent(alert)}/acknowledge`);
export const stillOf = (lane: string, alert: string): string =>
  `/api/lanes/${encodeURIComponent(lane)}/images/${encodeURIComponent(alert)}/face`;
export const travellerLanes = (): Promise<string[]> => call('GET', '/api/traveller');
