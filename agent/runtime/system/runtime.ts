/** The real world behind `runtime/ports.ts`. */
import type { Runtime } from '../ports.ts';
import { systemChance } from './chance.ts';
import { systemClock } from './clock.ts';
import { type LogDestination, type LogLevel, systemLog } from './log.ts';
import { systemTimers } from './timers.ts';

export const systemRuntime = (options: {
  /** Records below this level are dropped. */
  readonly level: LogLevel;
  /** Default standard error: standard output belongs to commands that print results. */
  readonly destination?: LogDestination;
}): Runtime => ({
  clock: systemClock,
  timers: systemTimers,
  chance: systemChance,
  log: systemLog(
    { clock: systemClock, destination: options.destination ?? process.stderr },
    { level: options.level },
  ),
});
