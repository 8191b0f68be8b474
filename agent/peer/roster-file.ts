/** `roster.json`: the chain as far as it is kept, and what this host voted on its next step. */
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { RosterFile, type RosterStep, type RosterTale } from '../../proto/message/roster.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';
import { fromBase64Url, toBase64Url } from '../base/bytes.ts';
import type { AcceptorState } from '../register/acceptor.ts';
import type { Accepted, Value } from '../register/message.ts';
import { checker } from './check.ts';
import { applyStep, faultOf, type RosterState, snapshotOf, stateOf } from './roster-chain.ts';

const checkFile = checker('roster file', RosterFile);
const pathIn = (directory: string): string => join(directory, 'roster.json');

export interface StoredRoster {
  /** Whose votes these are. A file that was copied from another host brings none of one's own. */
  readonly host: HostId;
  readonly base: RosterState;
  readonly steps: readonly RosterStep[];
  readonly vote: AcceptorState | null;
}

/** The state after each step; throws DAMAGED where they do not follow. */
export const foldSteps = (
  clusterId: ClusterId,
  base: RosterState,
  steps: readonly RosterStep[],
): RosterState =>
  steps.reduce((state, step) => {
    const fault = faultOf(clusterId, state, step);
    if (fault) throw new ShoalError('DAMAGED', `Cannot follow roster step ${step.version}: ${fault}`);
    return applyStep(clusterId, state, step);
  }, base);

/** Where a chain that was told begins. Throws DAMAGED. */
export const baseOf = ({ base }: RosterTale): RosterState => {
  const state = stateOf(base);
  if (!state)
    throw new ShoalError(
      'DAMAGED',
      `Cannot begin a roster at version ${base.version}: it contradicts itself`,
    );
  return state;
};

const text = (value: Value): string | null => value && toBase64Url(value);

/** On disk when it resolves. */
export const writeRoster = (directory: string, { host, base, steps, vote }: StoredRoster): Promise<void> => {
  const accepted = vote?.accepted ?? null;
  const file: RosterFile = {
    host,
    base: snapshotOf(base),
    steps: [...steps],
    vote: vote && {
      promised: vote.promised,
      accepted: accepted && { ...accepted, value: text(accepted.value), lineage: [...accepted.lineage] },
    },
  };
  return writeFileAtomic(pathIn(directory), JSON.stringify(file));
};

/** Throws DAMAGED: nobody can guess who is let in. */
export const readRoster = async (
  directory: string,
  clusterId: ClusterId,
): Promise<StoredRoster & { readonly state: RosterState }> => {
  const path = pathIn(directory);
  try {
    const stored = await readFileIfExists(path);
    if (!stored) throw new Error('there is none');
    const file = checkFile(JSON.parse(Buffer.from(stored).toString()));
    const base = baseOf(file);
    const accepted = file.vote?.accepted ?? null;
    const vote = file.vote && {
      promised: file.vote.promised as AcceptorState['promised'],
      accepted: accepted && {
        ...accepted,
        ballot: accepted.ballot as Accepted['ballot'],
        value: accepted.value === null ? null : fromBase64Url(accepted.value),
      },
    };
    const { steps } = file;
    return { host: file.host as HostId, base, steps, vote, state: foldSteps(clusterId, base, steps) };
  } catch (cause) {
    throw new ShoalError('DAMAGED', `Cannot read roster ${JSON.stringify(path)}: copy it from another host`, {
      cause,
    });
  }
};
