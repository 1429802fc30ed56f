// The service this page came from: one place that sends requests, as whoever is signed in.
//
// Signing in gives the browser a cookie that no script can read, and this module a token that it says with each request:
// a foreign page can make the browser send the first, but does not know the second. A key that was typed in goes to the
// service once and is kept nowhere.

import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

import { Signal } from './signal';

const ENDPOINT = '/graphql';
const SESSION = '/session';
const TOKEN_HEADER = 'x-linkage-session';

export interface Standing {
  /** Who the service takes us for; null: nobody it knows. */
  readonly caller: { readonly name: string; readonly role: string } | null;
  /** What is said with each request of a session; null: there is none. */
  readonly token: string | null;
  /** Whether one can sign in at an identity provider. */
  readonly provider: boolean;
}

export const standing = new Signal<Standing>({ caller: null, token: null, provider: false });
/** Whether nobody is signed in where somebody must be. */
export const signInWanted = new Signal(false);

function stand(found: Standing): void {
  standing.set(found);
  signInWanted.set(found.caller === null);
}

/** Learn who is signed in. */
export async function learn(): Promise<void> {
  const response = await fetch(SESSION, { credentials: 'same-origin' });
  if (response.ok) stand((await response.json()) as Standing);
}

/** Sign in with a key; throws with what the service says of one that does not do. */
export async function signIn(key: string): Promise<void> {
  const response = await fetch(SESSION, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: key.trim() }),
    credentials: 'same-origin',
  });
  const answer = (await response.json()) as { errors?: { message: string }[] };
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? `the service answered ${response.status}`);
  await learn();
  if (!standing.get().token) throw new Error('the browser kept no cookie: the service must be reached by https');
}

export async function signOut(): Promise<void> {
  await fetch(SESSION, { method: 'DELETE', credentials: 'same-origin' });
}

const send: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  const { token } = standing.get();
  if (token) headers.set(TOKEN_HEADER, token);
  const response = await fetch(input, { ...init, headers, credentials: 'same-origin' });
  // A key that somebody typed into the editor of headers is theirs to mend.
  if (!headers.has('authorization')) signInWanted.set(response.status === 401);
  return response;
};

function socketAddress(): string {
  const address = new URL(ENDPOINT, window.location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** What GraphiQL runs operations with: HTTP for queries and mutations, a WebSocket opened only for a subscription. */
export const operate: Fetcher = createGraphiQLFetcher({
  url: ENDPOINT,
  fetch: send,
  enableIncrementalDelivery: false, // the service answers in one piece; in parts, a second run would stop the first
  wsClient: createClient({
    url: socketAddress(),
    lazy: true,
    connectionParams: () => ({ session: standing.get().token }),
  }),
});

/** Ask the service something for the page itself; throws with the service's own message. */
export async function ask<Answer>(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  const response = await send(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: Answer | null; errors?: { message: string }[] };
  if (answer.errors?.length || !answer.data) {
    throw new Error(answer.errors?.[0]?.message ?? `the service answered ${response.status}`);
  }
  return answer.data;
}
