/**
 * A scenario puts nodes, clients, faults and checkers into a world and runs it. It draws its own shape (how many
 * hosts, what weather, which faults) from the world's chance, so that seeds differ in kind and not only in detail.
 */
import { type World, type WorldOptions, world } from './world.ts';

export interface Outcome {
  /** Operations of clients, or changes that the protocol had to bring about. */
  readonly operations: number;
  /** What was promised and did not hold. */
  readonly violation?: string;
}

export interface Scenario {
  readonly name: string;
  run(world: World): Promise<Outcome>;
}

export interface Report extends Outcome {
  readonly scenario: string;
  readonly seed: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<string, number>;
  /** Equal for equal seeds. */
  readonly hash: string;
  /** How many there were, those left out included. */
  readonly deeds: World['deeds'];
}

export const runSeed = async (
  scenario: Scenario,
  seed: number,
  options: WorldOptions = {},
): Promise<Report> => {
  const virtual = world(seed, options);
  const outcome = await scenario.run(virtual).catch(
    (thrown: unknown): Outcome => ({
      operations: 0,
      violation: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    }),
  );
  return {
    ...outcome,
    scenario: scenario.name,
    seed,
    virtualMs: virtual.nowMs(),
    faults: virtual.faults,
    hash: virtual.traceHash(),
    deeds: virtual.deeds,
  };
};
