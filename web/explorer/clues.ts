// Clues: the values that the saved investigations are about, taken from what the service holds now.
//
// The reader chooses a cluster; its first two members, one account of another cluster and one identifier that its
// members share follow from it. They fill the placeholders of the investigations' variables.

import clusterCluesQuery from '../investigations/clues-of-cluster.graphql?raw';
import startingPointsQuery from '../investigations/starting-points.graphql?raw';
import { ask, signInWanted } from './service';
import { Signal } from './signal';

export const CLUES = ['cluster', 'left', 'right', 'far', 'stranger', 'account', 'now'] as const;
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

interface Nodes<Item> {
  readonly nodes: readonly Item[];
}

/** What the service holds, once it has answered; why it has not, otherwise. */
export const startingPoints = new Signal<StartingPoints | undefined>(undefined);
export const trouble = new Signal('');

/** Fetch the starting points anew. */
export async function look(): Promise<void> {
  try {
    const answer = await ask<{ statistics: Statistics; clusters: Nodes<ClusterChoice> }>(startingPointsQuery);
    startingPoints.set({ statistics: answer.statistics, choices: answer.clusters.nodes });
    trouble.set('');
  } catch (error) {
    // Whoever is not signed in is asked to in the bar; it is no trouble.
    trouble.set(signInWanted.get() ? '' : error instanceof Error ? error.message : String(error));
  }
}

interface Member {
  readonly id: string;
  readonly subjectId: string;
}

interface Holder extends Member {
  readonly cluster: { readonly id: string } | null;
}

interface Answer {
  readonly cluster: {
    readonly id: string;
    readonly members: Nodes<Member>;
    readonly identifiers: Nodes<{ readonly heldBy: Nodes<Holder> }>;
  } | null;
  readonly other: { readonly members: Nodes<Member> } | null;
}

/**
 * The clues of one cluster. `left` and `right` share one of its strongest identifiers, `far` is a member that does not
 * use it where there is one, and `stranger` belongs to the other cluster.
 */
export async function fetchClues(cluster: string, other: string | undefined): Promise<Clues> {
  const answer = await ask<Answer>(clusterCluesQuery, { cluster, other: other ?? cluster });
  const members = answer.cluster?.members.nodes ?? [];
  const sharing = (answer.cluster?.identifiers.nodes ?? [])
    .map(({ heldBy }) => heldBy.nodes.filter((holder) => holder.cluster?.id === answer.cluster?.id))
    .find((holders) => holders.length > 1);
  const [left, right] = sharing ?? members;
  const near = new Set((sharing ?? [left, right]).map((member) => member?.id));
  const far = members.find(({ id }) => !near.has(id)) ?? right;
  const clues: Record<Clue, string | undefined> = {
    cluster,
    left: left?.id,
    right: right?.id,
    far: far?.id,
    stranger: other ? answer.other?.members.nodes[0]?.id : undefined,
    account: left?.subjectId,
    now: new Date().toISOString(),
  };
  return Object.fromEntries(Object.entries(clues).filter(([, value]) => value !== undefined)) as Clues;
}
