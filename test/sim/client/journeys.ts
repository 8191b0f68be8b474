/**
 * The world outside that sagas change: each journey is a saga whose legs are taken one after the other, and given back in
 * the other order where one of them cannot be. Every act and undo looks whether its turn has come.
 */

import { actionAttemptsMax } from '../../../agent/flow/limits.ts';
import type { SagaKind, SagaStep } from '../../../agent/flow/port.ts';
import type { Timers } from '../../../agent/runtime/ports.ts';
import { ShoalError } from '../../../proto/error.ts';
import type { Prng } from '../prng.ts';
import type { World } from '../world.ts';

export interface Trip {
  readonly id: string;
  /** Legs of which the saga knows that they were taken. */
  readonly taken: readonly number[];
}

interface Journey {
  readonly held: Set<number>;
  /** The last leg that was begun. */
  begun: number;
  /** Failures in a row of the leg under way. */
  failures: number;
  isHopeless: boolean;
  isUndoing: boolean;
  end: 'arrived' | 'given up' | undefined;
}

export interface Journeys {
  readonly kind: (timers: Timers) => SagaKind<Trip>;
  /** Its start was acknowledged. */
  acknowledged(id: string): void;
  /** What `wait` said. */
  told(id: string, end: 'arrived' | 'given up'): void;
  readonly started: number;
  /** Acknowledged, and not at their end. */
  lost(): string[];
}

export const journeys = (world: World, random: Prng, legs: number): Journeys => {
  const all = new Map<string, Journey>();
  const expected = new Set<string>();
  const wrong = (id: string, what: string): void => world.fail(new Error(`journey ${id}: ${what}`));
  const journeyOf = (id: string): Journey => {
    const known: Journey = all.get(id) ?? {
      ...{ held: new Set(), begun: -1, failures: 0, isHopeless: false, isUndoing: false, end: undefined },
    };
    all.set(id, known);
    return known;
  };
  const isArrived = ({ held }: Journey): boolean => held.size === legs;

  const leg = (number: number, timers: Timers): SagaStep<Trip> => ({
    name: `leg ${number}`,
    async act({ id, taken }, signal) {
      const journey = journeyOf(id);
      world.tell(id, 'leg', number);
      if (journey.isUndoing) wrong(id, `leg ${number} is taken while others are given back`);
      if (journey.end) wrong(id, `leg ${number} is taken after it ${journey.end}`);
      if (journey.begun > number) wrong(id, `leg ${number} is taken again after leg ${journey.begun}`);
      if (taken.length !== number || taken.some((before, at) => before !== at))
        wrong(id, `leg ${number} knows of legs ${taken.join(' ')}`);
      if (journey.begun < number) journey.failures = 0;
      journey.begun = number;
      await timers.sleep(random.exponential(50), signal);
      const dice = random.random();
      // It may have happened although it failed.
      if (dice < 0.9) journey.held.add(number);
      if (dice < 0.7) return { id, taken: [...taken, number] };
      journey.failures++;
      const isHopeless = dice > 0.97 || journey.failures >= actionAttemptsMax;
      if (isHopeless) journey.isHopeless = true;
      throw dice > 0.97
        ? new ShoalError('CONFLICT', `Cannot take leg ${number}`)
        : new ShoalError('UNREACHABLE', `Cannot take leg ${number} now`);
    },
    async undo({ id }, signal) {
      const journey = journeyOf(id);
      world.tell(id, 'gives back leg', number);
      journey.isUndoing = true;
      if (!journey.isHopeless) wrong(id, `leg ${number} is given back, and nothing was in the way`);
      const later = [...journey.held].filter((other) => other > number);
      if (later.length > 0) wrong(id, `leg ${number} is given back before ${later.join(' ')}`);
      await timers.sleep(random.exponential(50), signal);
      if (random.chance(0.7)) journey.held.delete(number);
      else throw new Error(`cannot give back leg ${number} now`);
    },
  });

  return {
    kind: (timers) => ({
      name: 'journey',
      steps: Array.from({ length: legs }, (_, number) => leg(number, timers)),
      finished({ id }, failure) {
        const journey = journeyOf(id);
        const end = failure ? 'given up' : 'arrived';
        world.tell(id, end);
        if (failure ? journey.held.size > 0 : !isArrived(journey))
          wrong(id, `it is ${end} with legs ${[...journey.held].join(' ')}`);
        if ((journey.end ?? end) !== end) wrong(id, `it is ${end} after it was ${journey.end}`);
        journey.end = end;
      },
    }),
    acknowledged: (id) => void expected.add(id),
    told(id, end) {
      if (journeyOf(id).end !== end) wrong(id, `who waits is told ${end}, it is ${journeyOf(id).end}`);
    },
    get started() {
      return all.size;
    },
    lost: () => [...expected].filter((id) => !all.get(id)?.end),
  };
};
