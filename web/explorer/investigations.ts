// The saved investigations: each a numbered .graphql file, its title and story in the comment at its head, its
// variables beside it as JSON. "{cluster}" and the like are filled in from what the service holds.

import { parse, type OperationDefinitionNode } from 'graphql';

import type { Clue, Clues } from './clues';

export interface Investigation {
  readonly number: number;
  readonly title: string;
  /** One sentence for the list; the whole story stands in the editor. */
  readonly summary: string;
  readonly text: string;
  readonly operationName: string;
  readonly writes: boolean;
  readonly variables: Record<string, unknown>;
  readonly hasVariables: boolean;
  readonly needs: readonly Clue[];
}

const PLACEHOLDER = /^\{(\w+)\}$/;

function placeholdersIn(value: unknown): Clue[] {
  if (typeof value === 'string') {
    const name = PLACEHOLDER.exec(value)?.[1];
    return name ? [name as Clue] : [];
  }
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(placeholdersIn);
  return [];
}

function read(path: string, text: string, variables: Record<string, unknown>): Investigation {
  const comment = text.split('\n').filter((line) => line.startsWith('#')).map((line) => line.replace(/^#\s?/, ''));
  const [title = path, , summary = ''] = comment;
  const operation = parse(text).definitions.find((definition): definition is OperationDefinitionNode =>
    definition.kind === 'OperationDefinition');
  return {
    number: Number(/(\d+)-[^/]*$/.exec(path)?.[1]),
    title,
    summary,
    text: text.trim(),
    operationName: operation?.name?.value ?? title,
    writes: operation?.operation === 'mutation',
    variables,
    hasVariables: Object.keys(variables).length > 0,
    needs: [...new Set(placeholdersIn(variables))],
  };
}

const texts = import.meta.glob<string>('../investigations/[0-9]*.graphql', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const variables = import.meta.glob<Record<string, unknown>>('../investigations/[0-9]*.json', {
  import: 'default',
  eager: true,
});

export const INVESTIGATIONS: readonly Investigation[] = Object.entries(texts)
  .map(([path, text]) => read(path, text, variables[path.replace(/graphql$/, 'json')] ?? {}))
  .sort((left, right) => left.number - right.number);

/** The variables of an investigation with the clues filled in; a clue that is not known leaves an empty string. */
export function fill(value: unknown, clues: Clues): unknown {
  if (typeof value === 'string') {
    const name = PLACEHOLDER.exec(value)?.[1];
    return name ? (clues[name as Clue] ?? '') : value;
  }
  if (Array.isArray(value)) return value.map((inner) => fill(inner, clues));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner, clues)]));
  }
  return value;
}
