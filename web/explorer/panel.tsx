// The panel of saved investigations: choose a cluster, then walk from it to the evidence that holds it together.

import { useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import { parse, type OperationDefinitionNode } from 'graphql';
import { useEffect, useState } from 'react';

import { fetchClues, look, startingPoints, trouble, type Clues } from './clues';
import { fill, INVESTIGATIONS, type Investigation } from './investigations';
import { useSignal } from './signal';

function MapIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.6" aria-hidden="true">
      <path d="M5.5 14 10 5l4.5 9" />
      <circle cx="10" cy="4.5" r="2.6" fill="currentColor" stroke="none" />
      <circle cx="5" cy="14.8" r="2.6" fill="currentColor" stroke="none" />
      <circle cx="15" cy="14.8" r="2.6" fill="currentColor" stroke="none" />
    </svg>
  );
}

/** Puts an investigation into its own tab (one tab per operation, so that the walk can go back and forth). */
function useOpen(): (investigation: Investigation, clues: Clues) => void {
  const { addTab, changeTab, run, setOperationFacts, stop } = useGraphiQLActions();
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useGraphiQL((state) => ({
    tabs: state.tabs,
    activeTabIndex: state.activeTabIndex,
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
  }));
  return (investigation, clues) => {
    stop(); // what still runs belongs to the step before
    const existing = tabs.findIndex((tab) => tab.operationName === investigation.operationName);
    const blank = !tabs[activeTabIndex]?.query?.trim();
    if (existing >= 0) {
      if (existing !== activeTabIndex) changeTab(existing);
    } else if (!blank) addTab();
    queryEditor?.setValue(`${investigation.text}\n`);
    const variables = fill(investigation.variables, clues);
    variableEditor?.setValue(investigation.hasVariables ? JSON.stringify(variables, null, 2) : '');
    // GraphiQL reads the document a moment later; an operation that is run at once needs its name now.
    const documentAST = parse(investigation.text);
    setOperationFacts({
      documentAST,
      operationName: investigation.operationName,
      operations: documentAST.definitions.filter(
        (definition): definition is OperationDefinitionNode => definition.kind === 'OperationDefinition',
      ),
    });
    const complete = investigation.needs.every((clue) => clues[clue]);
    if (complete && !investigation.writes) void run();
  };
}

const number = new Intl.NumberFormat('en');

function describe(size: number, confidence: number | null): string {
  return `${number.format(size)} members${confidence === null ? '' : `, ${Math.round(confidence * 100)} % sure`}`;
}

function Panel() {
  const points = useSignal(startingPoints);
  const problem = useSignal(trouble);
  const [chosen, setChosen] = useState('');
  const [clues, setClues] = useState<Clues>();
  const [waiting, setWaiting] = useState<Investigation>();
  const [visited, setVisited] = useState<ReadonlySet<number>>(new Set());
  const open = useOpen();
  const choices = points?.choices ?? [];
  const cluster = choices.some(({ id }) => id === chosen) ? chosen : (choices[0]?.id ?? '');

  useEffect(() => {
    setClues(undefined);
    if (!points) return undefined;
    let current = true;
    const other = points.choices.find(({ id }) => id !== cluster)?.id;
    (cluster ? fetchClues(cluster, other) : Promise.resolve({})).then(
      (found) => current && setClues(found),
      (error: unknown) => current && trouble.set(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      current = false;
    };
  }, [cluster, points]);

  function start(investigation: Investigation, known: Clues): void {
    open(investigation, known);
    setVisited(new Set([...visited, investigation.number]));
    setWaiting(undefined);
  }

  function choose(investigation: Investigation): void {
    const sure: Clues = { cluster };
    if (investigation.needs.every((clue) => sure[clue])) start(investigation, sure);
    else setWaiting(investigation);
  }

  useEffect(() => {
    // A step that was clicked before its values were known.
    if (waiting && clues) start(waiting, clues);
  }, [waiting, clues]);

  return (
    <section className="walk" aria-labelledby="walk-title">
      <h2 id="walk-title">Investigations</h2>
      <p className="walk-lead">A walk from the largest clusters to the evidence that holds one together.</p>

      <div className="walk-cluster">
        <label htmlFor="walk-choice">Cluster to look at</label>
        <div>
          <select
            id="walk-choice"
            value={cluster}
            onChange={(event) => setChosen(event.target.value)}
            disabled={!choices.length}
          >
            {choices.map((choice, index) => (
              <option key={choice.id} value={choice.id}>
                {`${index + 1}. ${describe(choice.size, choice.confidence)}`}
              </option>
            ))}
            {choices.length ? null : <option value="">{points ? 'none yet' : 'looking …'}</option>}
          </select>
          <button type="button" onClick={() => void look()} aria-label="Fetch the clusters again" title="Fetch again">
            ⟳
          </button>
        </div>
        {problem ? <p role="alert">{problem}</p> : null}
        {points && !choices.length ? (
          <p>Nothing has been resolved yet: load records, then start a resolution (the last step).</p>
        ) : null}
      </div>

      <ol className="walk-steps">
        {INVESTIGATIONS.map((investigation) => (
          <li key={investigation.number}>
            <button
              type="button"
              className={visited.has(investigation.number) ? 'visited' : undefined}
              aria-busy={waiting === investigation}
              onClick={() => choose(investigation)}
            >
              <span className="walk-number" aria-hidden="true">
                {visited.has(investigation.number) ? '✓' : investigation.number}
              </span>
              <span className="walk-text">
                <strong>
                  {investigation.title}
                  {investigation.writes ? <em>writes</em> : null}
                </strong>
                <span>{investigation.summary}</span>
              </span>
            </button>
          </li>
        ))}
      </ol>
      <p className="walk-note">
        A step opens in its own tab and runs. Steps that write are only filled in: read them, then press ▶.
      </p>
    </section>
  );
}

export const investigationsPlugin: GraphiQLPlugin = { title: 'Investigations', icon: MapIcon, content: Panel };
