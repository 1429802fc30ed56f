// What the page remembers, and for how long.
//
// Operations and their variables name accounts, e-mail addresses and IPs. They live in the tab's session storage:
// a reload keeps them, closing the tab forgets them. Request headers may carry a key and are never stored; GraphiQL's
// own setting leaves them in its history, so they are taken out here, on the one way into the storage.

const LASTING = new Set(['graphiql:theme']);
const NEVER = new Set(['graphiql:headers']);
/** What the reader typed, kept letter by letter; everything else that is JSON may hold headers. */
const VERBATIM = new Set(['graphiql:query', 'graphiql:variables']);

function withoutHeaders(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), (key, inner: unknown) => (key === 'headers' ? null : inner));
  } catch {
    return value; // not JSON: a plain setting
  }
}

function placeOf(key: string): Storage {
  return LASTING.has(key) ? localStorage : sessionStorage;
}

export const storage = {
  getItem: (key: string): string | null => placeOf(key).getItem(key),
  setItem(key: string, value: string): void {
    if (!NEVER.has(key)) placeOf(key).setItem(key, VERBATIM.has(key) ? value : withoutHeaders(value));
  },
  removeItem: (key: string): void => placeOf(key).removeItem(key),
  clear(): void {
    sessionStorage.clear();
    for (const key of LASTING) localStorage.removeItem(key);
  },
  get length(): number {
    return sessionStorage.length;
  },
};
