/** How eager the ring is. `defaultSettings` for production, `rehearsalSettings` for hosts on one machine. */
import { minuteMs, secondMs } from '../../proto/units.ts';

export interface RingSettings {
  /** Of a ring that is founded: 2^bits partitions for ever. 8 serves 8 hosts evenly, 12 some 100, 16 some 2,000. */
  readonly partitionBits: number;
  /** A host joins the layout once it has been alive for so long: one that flaps moves no data. */
  readonly joinStableMs: number;
  /** A dead host leaves the layout after so long: a reboot moves no data. */
  readonly deadRemoveMs: number;
  /** The second in line proposes this much after the first, the third twice: about a round of votes with retries. */
  readonly proposerStepMs: number;
  /**
   * Copying begins this much after a quorum of the old owners said that they refuse writers of the old version: a
   * write that one of them let in just before is then on its disk.
   */
  readonly copyDelayMs: number;
  /** How often the ring looks whether something is due while a change is on its way, besides at each event. */
  readonly tickMs: number;
}

export const defaultSettings: RingSettings = {
  partitionBits: 8,
  joinStableMs: 10 * secondMs,
  deadRemoveMs: 10 * minuteMs,
  proposerStepMs: 3 * secondMs,
  copyDelayMs: secondMs,
  tickMs: 500,
};

export const rehearsalSettings: RingSettings = {
  ...defaultSettings,
  joinStableMs: secondMs,
  proposerStepMs: secondMs,
  copyDelayMs: 200,
  tickMs: 100,
};
