/**
 * The hosts allowed in, as this host knows them: the one writer of `roster.json`. Each change is on disk before it is
 * seen in memory, so no host is let in or shut out that a crash could forget. It asks nobody: connections are decided
 * by it in any partition. How steps come about: `roster-vote.ts`; why they are believed: `roster-chain.ts`.
 *
 * Two chains can part in one way only: an operator forced a host out here while a majority elsewhere decided
 * something. What was voted then replaces what was forced, and of two forced steps one wins on all hosts.
 */
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import {
  type RosterPosition,
  type RosterStep,
  RosterSteps,
  type RosterTale,
} from '../../proto/message/roster.ts';
import { serial } from '../base/serial.ts';
import { type AcceptorState, type Answer, emptyState } from '../register/acceptor.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checker } from './check.ts';
import { expiryWatch } from './expiry-watch.ts';
import {
  forcedStepsMax,
  forkStepsTold,
  rosterChangesWaitingMax,
  rosterStepsDropped,
  rosterStepsKeptMax,
} from './limits.ts';
import { type IsNeeded, isOver, overstays } from './overstay.ts';
import {
  applyStep,
  faultOf,
  isVoted,
  type RosterMember,
  type RosterState,
  snapshotOf,
  stepDigest,
} from './roster-chain.ts';
import { foldSteps, readRoster, writeRoster } from './roster-file.ts';

export type { RosterMember } from './roster-chain.ts';

export interface Roster {
  readonly clusterId: ClusterId;
  /** How far this host knows the chain. */
  position(): RosterPosition;
  has(hostId: HostId): boolean;
  list(): readonly RosterMember[];
  /** After each change, with the steps that are new: none where a host's time has run out. Returns its own cancellation. */
  onChange(listener: (fresh: readonly RosterStep[]) => void): () => void;
}

export interface Learned {
  readonly fresh: readonly RosterStep[];
  /** Steps before these are missing here. */
  readonly isBehind: boolean;
}

export interface OwnRoster extends Roster {
  /** Has its time run out? It may stay a while where it is needed. */
  isOver(hostId: HostId): boolean;
  /** Who may not go when its time has run out. Default nobody. */
  setNeeded(isNeeded: IsNeeded): void;
  state(): RosterState;
  /** All that a newcomer needs. */
  tale(): RosterTale;
  /** What a host that stands there lacks, as far as it is kept. */
  stepsAfter(position: RosterPosition): readonly RosterStep[];
  /**
   * Steps from a peer, or agreed here: checked, verified, taken as far as they follow. `isGone`: may a step that was
   * forced give up this host? Throws BAD_REQUEST.
   */
  learn(steps: unknown, isGone: (host: HostId) => boolean | Promise<boolean>): Promise<Learned>;
  /** Decides on the vote about the step after `at`; the new state is on disk when it resolves. Throws CONTENDED. */
  vote(
    at: RosterPosition,
    decide: (held: AcceptorState, state: RosterState) => Answer,
  ): Promise<Answer['reply']>;
  stop(): void;
}

const checkSteps = checker('roster steps', RosterSteps);
const isAt = (state: RosterState, { version, digest }: RosterPosition): boolean =>
  state.version === version && state.digest === digest;

/** Throws DAMAGED when the file cannot be read. */
export const openRoster = async (
  world: { readonly runtime: Pick<Runtime, 'clock' | 'log' | 'timers'>; readonly self: HostId },
  settings: { readonly directory: string; readonly clusterId: ClusterId },
): Promise<OwnRoster> => {
  const { clock, log } = world.runtime;
  const { clusterId, directory } = settings;
  const changes = serial('roster', rosterChangesWaitingMax);
  const listeners = new Set<(fresh: readonly RosterStep[]) => void>();
  const stored = await readRoster(directory, clusterId);
  let { base, steps, state } = stored;
  let vote = stored.host === world.self ? stored.vote : null;
  const { host } = stored;
  if (host !== world.self)
    log.warn('the roster file is a copy of another host: this host votes on it no more', { host });

  const digestOf = (step: RosterStep): string => stepDigest(clusterId, step);
  const tell = (fresh: readonly RosterStep[]): void => {
    for (const listener of listeners) listener(fresh);
  };
  const overstaying = overstays(clock, () => state.members);
  const isIn = (member: RosterMember | undefined): boolean =>
    member !== undefined && (!isOver(member, clock.wallMs()) || overstaying.has(member.hostId));
  const expiry = expiryWatch(world.runtime, {
    ...{ members: () => state.members, isIn },
    isOver: (member) => isOver(member, clock.wallMs()),
    changed: () => tell([]),
  });

  const refuse = (step: RosterStep, why: string): undefined => {
    log.warn('roster step refused', { version: step.version, by: step.by, why });
  };

  /** The chain after one more step; undefined where it is refused. */
  const grown = (
    chain: { readonly steps: readonly RosterStep[]; readonly state: RosterState },
    step: RosterStep,
    isGone: (step: RosterStep) => boolean,
  ): typeof chain | undefined => {
    let { steps: kept, state: before } = chain;
    if (step.version <= before.version) {
      const at = step.version - base.version - 1;
      const mine = kept[at];
      if (!mine || digestOf(mine) === digestOf(step)) return chain;
      const wins = mine.forced && (!step.forced || digestOf(step) < digestOf(mine));
      if (!wins) return refuse(step, `another step ${step.version} is known here`);
      kept = kept.slice(0, at);
      before = foldSteps(clusterId, base, kept);
    }
    const fault = faultOf(clusterId, before, step);
    if (fault) return refuse(step, fault);
    if (!isVoted(clusterId, before, step) && !(step.forced && isGone(step)))
      return refuse(
        step,
        step.forced ? 'the host that it gives up is there' : 'no majority has voted for it',
      );
    return { steps: [...kept, step], state: applyStep(clusterId, before, step) };
  };

  /** Inside `changes`. */
  const take = async (
    told: readonly RosterStep[],
    isGone: (step: RosterStep) => boolean,
  ): Promise<Learned> => {
    let chain: { readonly steps: readonly RosterStep[]; readonly state: RosterState } = { steps, state };
    let isBehind = false;
    for (const step of told) {
      isBehind = step.version > chain.state.version + 1;
      const next = isBehind ? undefined : grown(chain, step, isGone);
      if (!next) break;
      chain = next;
    }
    if (chain.state === state) return { fresh: [], isBehind };
    const known = new Set(steps.map(digestOf));
    const fresh = chain.steps.filter((step) => !known.has(digestOf(step)));
    const given = steps.filter((step) => !chain.steps.includes(step));
    const dropped = chain.steps.length > rosterStepsKeptMax ? rosterStepsDropped : 0;
    const nextBase = foldSteps(clusterId, base, chain.steps.slice(0, dropped));
    const nextSteps = chain.steps.slice(dropped);
    await writeRoster(directory, { host, base: nextBase, steps: nextSteps, vote: null });
    [base, steps, state, vote] = [nextBase, nextSteps, chain.state, null];
    for (const { version, change } of given)
      log.error('a forced roster step is given up: a majority decided otherwise', { version, ...change });
    for (const { version, change, by, forced } of fresh)
      log[change.kind === 'remove' ? 'warn' : 'info'](`roster: ${change.kind}`, {
        ...{ version, by, forced, host: change.hostId },
        ...('name' in change && { name: change.name }),
      });
    expiry.look();
    tell(fresh);
    return { fresh, isBehind };
  };

  return {
    clusterId,
    state: () => state,
    position: () => ({ version: state.version, digest: state.digest }),
    has: (hostId) => isIn(state.members.get(hostId)),
    list: () => [...state.members.values()].filter(isIn),
    isOver(hostId) {
      const member = state.members.get(hostId);
      return member !== undefined && isOver(member, clock.wallMs());
    },
    setNeeded: overstaying.setNeeded,
    tale: () => ({ base: snapshotOf(base), steps: [...steps] }),
    stepsAfter(position) {
      const at = position.version - base.version;
      const isOnChain = at === 0 ? isAt(base, position) : at > 0 && steps[at - 1] !== undefined;
      const mine = steps[at - 1];
      if (isOnChain && (at === 0 || (mine && digestOf(mine) === position.digest))) return steps.slice(at);
      return steps.slice(-forkStepsTold);
    },
    async learn(value, isGone) {
      const told = checkSteps(value);
      for (const [at, { version }] of told.entries())
        if (version !== (told[0]?.version ?? 0) + at)
          throw new ShoalError('BAD_REQUEST', 'Cannot read roster steps: they have gaps');
      const gone = new Set<HostId>();
      const doubtful = told.filter((step) => step.forced && step.version > base.version);
      for (const { change } of doubtful.slice(-forcedStepsMax)) {
        const given = change.hostId as HostId;
        // Who is off here already was given up once.
        if (!state.members.has(given) || (await isGone(given))) gone.add(given);
      }
      return changes.run(() => take(told, ({ change }) => gone.has(change.hostId as HostId)));
    },
    vote: (at, decide) =>
      changes.run(async () => {
        if (!isAt(state, at) || host !== world.self)
          throw new ShoalError(
            'CONTENDED',
            `Cannot vote on roster step ${at.version + 1}: this host stands at ${state.version}`,
          );
        const held = vote ?? emptyState;
        const answer = decide(held, state);
        if (answer.state !== held) {
          await writeRoster(directory, { host, base, steps, vote: answer.state });
          vote = answer.state;
        }
        return answer.reply;
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: expiry.stop,
  };
};
