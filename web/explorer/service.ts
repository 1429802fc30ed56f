// The service this page came from: one place that sends requests, with the API key where the service wants one.
//
// The key is held in this module's memory only. It is in no storage, no URL and no cookie: closing or reloading
// the page forgets it.

import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

import { Signal } from './signal';

const ENDPOINT = '/graphql';

let apiKey = '';

/** Whether the service refused the last request for want of a valid key. */
export const keyWanted = new Signal(false);

export function presentKey(key: string): void {
  apiKey = key.trim();
  keyWanted.set(false);
}

const send: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  // A header that somebody typed into the editor wins.
  if (apiKey && !headers.has('authorization')) headers.set('authorization', `Bearer ${apiKey}`);
  const response = await fetch(input, { ...init, headers, credentials: 'same-origin' });
  keyWanted.set(response.status === 401);
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
    connectionParams: () => (apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
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
