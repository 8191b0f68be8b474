/**
 * How slow each host is to answer, for whoever has a choice: the smoothed time of its answers, or, where that is more,
 * the age of the oldest question that it has not answered yet. So a host that has just stopped answering looks slow
 * before anything has timed out, and the next reads ask others.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import { failedMs } from './limits.ts';

export interface Question {
  readonly host: HostId;
  readonly sinceMs: number;
  isOpen: boolean;
}

export interface Slowness {
  /** Milliseconds; 0 for a host that was never asked. */
  of(host: HostId): number;
  ask(host: HostId): Question;
  answered(question: Question): void;
  failed(question: Question): void;
}

interface Times {
  tookMs: number | undefined;
  /** In the order of asking; those before `first` are closed. */
  questions: Question[];
  first: number;
}

/** Closed questions that may wait to be cleared away together. */
const closedMax = 64;

export const slowness = (clock: Pick<Clock, 'monotonicMs'>): Slowness => {
  const hosts = new Map<HostId, Times>();

  const timesOf = (host: HostId): Times => {
    const known = hosts.get(host);
    if (known) return known;
    const times: Times = { tookMs: undefined, questions: [], first: 0 };
    hosts.set(host, times);
    return times;
  };
  const close = (question: Question, ms: number): void => {
    const times = timesOf(question.host);
    times.tookMs = (times.tookMs ?? ms) * 0.8 + ms * 0.2;
    question.isOpen = false;
    while (times.questions[times.first]?.isOpen === false) times.first++;
    if (times.first < closedMax && times.first < times.questions.length) return;
    times.questions.splice(0, times.first);
    times.first = 0;
  };

  return {
    of(host) {
      const times = hosts.get(host);
      if (!times) return 0;
      const oldest = times.questions[times.first];
      const tookMs = times.tookMs ?? 0;
      return oldest ? Math.max(tookMs, clock.monotonicMs() - oldest.sinceMs) : tookMs;
    },
    ask(host) {
      const question = { host, sinceMs: clock.monotonicMs(), isOpen: true };
      timesOf(host).questions.push(question);
      return question;
    },
    answered: (question) => close(question, clock.monotonicMs() - question.sinceMs),
    failed: (question) => close(question, failedMs),
  };
};
