/**
 * How long a suspect may take to refute. Without confirmation the time is long, for the accuser may be the sick
 * one; each further accuser shortens it logarithmically down to the least time (Lifeguard, section 4.B):
 *
 *   timeout(c) = max - (max - min) * log(c + 1) / log(k + 1)      c confirmations, k needed for the least
 */
import type { HostId } from '../../proto/ids.ts';
import type { SwimSettings } from './settings.ts';

export interface Suspicion {
  readonly incarnation: number;
  readonly startedMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations that give the shortest time. */
  readonly confirmationsNeeded: number;
  readonly accusers: Set<HostId>;
  /** When it turns into death, on the core's clock. */
  deadlineMs: number;
}

/** Confirmations looked for: with fewer hosts than could give them, the shortest time holds from the start. */
const confirmationsNeeded = (settings: SwimSettings, hosts: number): number => {
  const wanted = Math.max(0, settings.suspicionFactor - 2);
  return settings.lifeguard && hosts - 2 >= wanted ? wanted : 0;
};

/** After so many confirmations. */
const suspicionTimeoutMs = (
  suspicion: Pick<Suspicion, 'minMs' | 'maxMs' | 'confirmationsNeeded'>,
  confirmations: number,
): number => {
  const { minMs, maxMs, confirmationsNeeded: needed } = suspicion;
  if (confirmations >= needed) return minMs;
  return maxMs - (maxMs - minMs) * (Math.log(confirmations + 1) / Math.log(needed + 1));
};

/** `hosts`: reachable ones, self and the suspect included. */
export const startSuspicion = (
  settings: SwimSettings,
  incarnation: number,
  accuser: HostId,
  hosts: number,
  nowMs: number,
): Suspicion => {
  const minMs = settings.suspicionFactor * Math.max(1, Math.log10(hosts)) * settings.probePeriodMs;
  const times = {
    minMs,
    maxMs: minMs * settings.suspicionStretch,
    confirmationsNeeded: confirmationsNeeded(settings, hosts),
  };
  return {
    ...times,
    incarnation,
    startedMs: nowMs,
    accusers: new Set([accuser]),
    deadlineMs: nowMs + suspicionTimeoutMs(times, 0),
  };
};

/** True when this accuser is new and wanted: the deadline then came nearer and the accusation is worth passing on. */
export const confirmSuspicion = (suspicion: Suspicion, accuser: HostId): boolean => {
  const confirmations = suspicion.accusers.size;
  if (confirmations > suspicion.confirmationsNeeded || suspicion.accusers.has(accuser)) return false;
  suspicion.accusers.add(accuser);
  suspicion.deadlineMs = suspicion.startedMs + suspicionTimeoutMs(suspicion, confirmations);
  return true;
};
