// Clues: the values that the saved investigations are about, taken from what the service holds now.
//
// The reader chooses a cluster; its first two members, one account of another cluster and one identifier that its
// members share follow from it. They fill the placeholders of the investigations' variables.

import clusterCluesQuery from '../investigations/clues-of-cluster.graphql?raw';
import startingPointsQuery from '../investigations/starting-points.graphql?raw';
import { ask } from './service';
import { Signal } from './signal';

export const CLUES = ['cluster', 'left', 'right', 'stranger', 'account', 'kind', 'value', 'now'] as const;
export type Clue = (typeof CLUES)[number];
export type Clues = Readonly<Partial<Record<Clue, string>>>;

export interface ClusterChoice {
  readonly id: string;
  readonly size: number;
  readonly confidence: number | null;
}

export interface Statistics {
  readonly accounts: number;
  readonly clusters: number;
  readonly resolvedAt: string | null;
}

export interface StartingPoints {
  readonly statistics: Statistics;
  readonly choices: readonly ClusterChoice[];
}

interface Edges<Item> {
  readonly edges: readonly { readonly node: Item }[];
}

/** What the service holds, once it has answered; why it has not, otherwise. */
export const startingPoints = new Signal<StartingPoints | undefined>(undefined);
export const trouble = new Signal('');

/** Fetch the starting points anew. */
export async function look(): Promise<void> {
  try {
    const answer = await ask<{ statistics: Statistics; clusters: Edges<ClusterChoice> }>(startingPointsQuery);
    startingPoints.set({ statistics: answer.statistics, choices: answer.clusters.edges.map((edge) => edge.node) });
    trouble.set('');
  } catch (error) {
    trouble.set(error instanceof Error ? error.message : String(error));
  }
}

interface Member {
  readonly id: string;
  readonly accountId?: string;
}

interface ClusterAnswer {
  readonly members: Edges<Member>;
  readonly sharedIdentifiers: readonly { readonly identifier: { readonly kind: string; readonly value: string } }[];
}

/** The clues of one cluster; `stranger` is a cluster whose first member stands for "somebody else". */
export async function fetchClues(cluster: string, stranger: string | undefined): Promise<Clues> {
  const answer = await ask<{ cluster: ClusterAnswer | null; stranger: ClusterAnswer | null }>(clusterCluesQuery, {
    cluster,
    stranger: stranger ?? cluster,
  });
  const [left, right] = answer.cluster?.members.edges.map((edge) => edge.node) ?? [];
  const other = stranger ? answer.stranger?.members.edges[0]?.node : undefined;
  const shared = answer.cluster?.sharedIdentifiers[0]?.identifier;
  const clues: Partial<Record<Clue, string | undefined>> = {
    cluster,
    left: left?.id,
    right: right?.id,
    stranger: other?.id,
    account: left?.accountId,
    kind: shared?.kind,
    value: shared?.value,
    now: new Date().toISOString(),
  };
  return Object.fromEntries(Object.entries(clues).filter(([, value]) => value !== undefined)) as Clues;
}
