// The bar at the top: the product's name, what the service holds, and the API key where one is wanted.

import type { FormEvent } from 'react';

import { startingPoints, type Statistics } from './clues';
import { keyWanted, presentKey } from './service';
import { useSignal } from './signal';

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

function KeyForm() {
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const key = new FormData(event.currentTarget).get('key');
    if (typeof key === 'string') presentKey(key);
  }
  return (
    <form className="bar-key" onSubmit={submit}>
      <label htmlFor="api-key">This service wants an API key</label>
      <input id="api-key" name="key" type="password" autoComplete="off" required />
      <button type="submit">Use it</button>
    </form>
  );
}

export function Header() {
  const wanted = useSignal(keyWanted);
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
      {wanted ? <KeyForm /> : points ? <Holdings statistics={points.statistics} /> : null}
    </header>
  );
}
