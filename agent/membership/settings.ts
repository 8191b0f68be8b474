/**
 * How fast and how careful. Each number argues for itself; `lanSettings` suits hosts in one building,
 * `loopbackSettings` a rehearsal on one machine.
 */
import { secondMs } from '../../proto/units.ts';

export interface SwimSettings {
  /** One probe a period. Traffic and detection time both scale with it. */
  readonly probePeriodMs: number;
  /** Silence after which helpers are asked. Far above a round trip, at most half a period, so that helpers have the rest. */
  readonly probeTimeoutMs: number;
  /** Helpers asked (SWIM's k). At 10 % loss a round trip fails with 19 %, and direct plus three relayed ones with about 1 %. */
  readonly indirectProbes: number;
  /** Shortest suspicion: factor x max(1, log10 n) x period, the time a refutation needs to travel there and back. */
  readonly suspicionFactor: number;
  /** Lifeguard: a suspicion nobody confirmed lasts this many times longer. */
  readonly suspicionStretch: number;
  /** A fact is sent on factor x ceil(log10(n + 1)) times; epidemic spread needs a multiple of log n. */
  readonly retransmitFactor: number;
  /** News also goes out between probes; without news there is no traffic. */
  readonly gossipPeriodMs: number;
  /** Four-fold growth each gossip period: 1,000 hosts in five. */
  readonly gossipFanout: number;
  /**
   * Facts in one message besides the sender's own, some 100 bytes each: 6 KB at most, and only while there is so much
   * news. With 20, a hundred deaths among a thousand hosts took 26 s to be known to all.
   */
  readonly piggybackMax: number;
  /** Push/pull with a random host: mends what gossip lost. */
  readonly exchangePeriodMs: number;
  /** A dead host is tried again with chance dead / known in each such period: heals partitions, flat cost. */
  readonly reconnectPeriodMs: number;
  /** Local health, stretched suspicion and buddy. Off: plain SWIM, to compare with. */
  readonly lifeguard: boolean;
  /** Lifeguard's S: a sick host slows its own accusations at most (S + 1)-fold. */
  readonly healthScoreMax: number;
}

export const lanSettings: SwimSettings = {
  probePeriodMs: secondMs,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  suspicionFactor: 4,
  suspicionStretch: 6,
  retransmitFactor: 4,
  gossipPeriodMs: 200,
  gossipFanout: 3,
  piggybackMax: 64,
  exchangePeriodMs: 30 * secondMs,
  reconnectPeriodMs: 5 * secondMs,
  lifeguard: true,
  healthScoreMax: 8,
};

/**
 * Three hosts here: at most 1 s until a killed one is probed (its refused connection then counts at once), and 3 s
 * of suspicion. Less would be quicker and wrong: processes that share two cores starve for a second or two.
 */
export const loopbackSettings: SwimSettings = {
  ...lanSettings,
  probePeriodMs: 500,
  probeTimeoutMs: 250,
  suspicionFactor: 6,
  gossipPeriodMs: 100,
  exchangePeriodMs: 10 * secondMs,
  reconnectPeriodMs: secondMs,
};
