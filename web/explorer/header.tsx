// The bar at the top: the product's name, what the service holds, who is signed in, and the way to sign in.

import { useState, type FormEvent } from 'react';

import { startingPoints, type Statistics } from './clues';
import { signIn, signInWanted, signOut, standing, type Standing } from './service';
import { useSignal } from './signal';
import { storage } from './storage';

const number = new Intl.NumberFormat('en');
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const SPANS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

function since(time: string): string {
  const seconds = (Date.now() - new Date(time).getTime()) / 1000;
  const [unit, length] = SPANS.find(([, span]) => seconds >= span) ?? ['second', 1];
  return ago.format(-Math.round(seconds / length), unit);
}

function Holdings({ statistics }: { statistics: Statistics }) {
  const { resolvedAt } = statistics;
  return (
    <dl className="bar-holdings">
      <div>
        <dt>accounts</dt>
        <dd>{number.format(statistics.accounts)}</dd>
      </div>
      <div>
        <dt>clusters</dt>
        <dd>{number.format(statistics.clusters)}</dd>
      </div>
      {resolvedAt ? (
        <div>
          <dt>resolved</dt>
          <dd>
            <time dateTime={resolvedAt}>{since(resolvedAt)}</time>
          </dd>
        </div>
      ) : null}
    </dl>
  );
}

function SignIn({ provider }: { provider: boolean }) {
  const [problem, setProblem] = useState('');
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const key = new FormData(event.currentTarget).get('key');
    if (typeof key !== 'string') return;
    signIn(key).catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  }
  return (
    <form className="bar-key" onSubmit={submit}>
      {problem ? <p role="alert">{problem}</p> : null}
      <label htmlFor="api-key">Sign in with a key</label>
      <input id="api-key" name="key" type="password" autoComplete="off" required />
      <button type="submit">Sign in</button>
      {provider ? <a href="/session/provider">or with your organisation</a> : null}
    </form>
  );
}

function SignedIn({ standing }: { standing: Standing }) {
  async function leave(): Promise<void> {
    await signOut();
    storage.clear();
    window.location.reload(); // what is on the screen was for whoever was signed in
  }
  return (
    <div className="bar-caller">
      <span>
        {standing.caller?.name} <em>{standing.caller?.role}</em>
      </span>
      {standing.token ? (
        <button type="button" onClick={() => void leave()}>
          Sign out
        </button>
      ) : null}
    </div>
  );
}

export function Header() {
  const wanted = useSignal(signInWanted);
  const known = useSignal(standing);
  const points = useSignal(startingPoints);
  return (
    <header className="bar">
      <h1>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M6 17 12 6l6 11" fill="none" stroke="currentColor" strokeWidth="2" />
          <circle cx="12" cy="6" r="3.6" fill="currentColor" />
          <circle cx="6" cy="17.4" r="3.6" fill="currentColor" />
          <circle cx="18" cy="17.4" r="3.6" fill="currentColor" />
        </svg>
        linkage <span>GraphQL explorer</span>
      </h1>
      {wanted ? <SignIn provider={known.provider} /> : null}
      {!wanted && points ? <Holdings statistics={points.statistics} /> : null}
      {!wanted && known.caller ? <SignedIn standing={known} /> : null}
    </header>
  );
}
