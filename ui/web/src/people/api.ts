/** Calls about people: accounts, passkeys, proofs, hand-over. */
import { call, type SessionView } from '../lib/api';
import type { components } from '../lib/schema';

type Schemas = components['schemas'];
export type Role = Schemas['Role'];
export type May = Schemas['May'];
export type Member = Schemas['MemberView'];
export type Noted = Schemas['NotedView'];
export type Passkey = Schemas['PasskeyView'];
export type OneTime = Schemas['OneTime'];
export type HandedOver = Schemas['HandedOver'];
/** What a person shows; all but one of password and credential stays null. */
export interface Proof {
  name: string;
  password: string | null;
  credential: string | null;
}

const account = (name: string, verb: string): string => `/api/accounts/${encodeURIComponent(name)}/${verb}`;

export const confirmMe = (proof: Proof): Promise<SessionView> => call('POST', '/api/confirm', proof);
export const accounts = (): Promise<Member[]> => call('GET', '/api/accounts');
export const log = (): Promise<Noted[]> => call('GET', '/api/accounts/log');
export const create = (name: string, role: Role): Promise<OneTime> => call('POST', '/api/accounts', { name, role });
export const reset = (name: string): Promise<OneTime> => call('POST', account(name, 'reset'));
export const disable = (name: string): Promise<Member[]> => call('POST', account(name, 'disable'));
export const assign = (name: string, role: Role): Promise<Member[]> => call('POST', account(name, 'role'), { role });
export const handOver = (successor: Proof, note: string): Promise<HandedOver> =>
  call('POST', '/api/handover', { successor, note });
export const passkeys = (): Promise<Passkey[]> => call('GET', '/api/passkeys');
export const removePasskey = (id: number): Promise<Passkey[]> => call('DELETE', `/api/passkeys/${id}`);

const options = async (path: string): Promise<never> => (await call<Schemas['PasskeyOptions']>('POST', path)).options as never;

/** Have the browser make a passkey, and keep it. */
export async function addPasskey(label: string): Promise<Passkey[]> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await options('/api/passkeys/options'));
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  return call('POST', '/api/passkeys', { label, credential: JSON.stringify(made.toJSON()) });
}

/** Have a passkey sign a challenge of this console. */
async function signed(path: string): Promise<string> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await options(path));
  const said = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  return JSON.stringify(said.toJSON());
}

/** A signature for something in this session: one's own, a second officer's, a successor's. */
export const signature = (): Promise<string> => signed('/api/passkeys/challenge');

export async function signInWithPasskey(): Promise<SessionView> {
  return call('POST', '/api/session/passkey', { credential: await signed('/api/session/challenge') });
}

/** What to say when a passkey did not work out: the console's words, or that the browser has given up. */
export const passkeyProblem = (error: unknown, otherwise: string): string =>
  error instanceof DOMException || error instanceof TypeError ? otherwise : (error as Error).message;
