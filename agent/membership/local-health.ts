/**
 * Lifeguard's local health: am I the slow one? Evidence against oneself (a missed ack that nobody else confirms,
 * helpers that do not even say no, being suspected, timers that fire late) raises the score, each good probe
 * lowers it; periods and timeouts are multiplied by score + 1. Off, the score stays 0.
 */
export interface LocalHealth {
  /** 0 healthy, up to the maximum. */
  readonly score: number;
  /** Positive: evidence of being sick. */
  note(evidence: number): void;
  scale(ms: number): number;
}

export const localHealth = (enabled: boolean, scoreMax: number): LocalHealth => {
  let score = 0;
  return {
    get score() {
      return score;
    },
    note(evidence) {
      if (enabled) score = Math.min(scoreMax, Math.max(0, score + evidence));
    },
    scale: (ms) => ms * (score + 1),
  };
};
