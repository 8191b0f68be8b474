/**
 * One JSON object a line: `{"time", "level", "message", ...fields}`. Fields may hold anything, errors with their
 * causes included; a log call never throws, for a line about trouble must not be a second trouble.
 */
import type { Clock, Log } from '../ports.ts';
import { logCauseDepthMax, logLineCharsMax } from './limits.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number];

export interface LogDestination {
  /** Gets whole lines, newline included. */
  write(line: string): unknown;
}

const describeError = (error: Error, depth = 0): Record<string, unknown> => ({
  name: error.name,
  message: error.message,
  // A ShoalError and most of node's own errors carry a code; only what is not ours needs its stack.
  ...('code' in error ? { code: error.code } : {}),
  ...('details' in error ? { details: error.details } : {}),
  ...(error.name === 'ShoalError' ? {} : { stack: error.stack }),
  ...(error.cause instanceof Error && depth < logCauseDepthMax
    ? { cause: describeError(error.cause, depth + 1) }
    : error.cause === undefined || error.cause instanceof Error
      ? {}
      : { cause: error.cause }),
});

const describe = (_key: string, value: unknown): unknown => {
  if (value instanceof Error) return describeError(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'bigint') return String(value);
  return value;
};

const line = (record: Record<string, unknown>): string => {
  const { time, level, message, ...fields } = record;
  try {
    const text = JSON.stringify(record, describe);
    if (text.length <= logLineCharsMax) return `${text}\n`;
    const cut = JSON.stringify(fields, describe).slice(0, logLineCharsMax);
    return `${JSON.stringify({ time, level, message: String(message).slice(0, logLineCharsMax), cut })}\n`;
  } catch (thrown) {
    return `${JSON.stringify({ time, level, message, unprintable: String(thrown) })}\n`;
  }
};

export const systemLog = (
  world: { readonly clock: Clock; readonly destination: LogDestination },
  options: { readonly level: LogLevel; readonly fields?: Record<string, unknown> },
): Log => {
  const write =
    (level: LogLevel) =>
    (message: string, fields?: Record<string, unknown>): void => {
      if (levels.indexOf(level) < levels.indexOf(options.level)) return;
      const own = { time: new Date(world.clock.wallMs()).toISOString(), level, message };
      // Own fields come first for the eye and win in the end: no field may rename a level.
      world.destination.write(line(Object.assign({ ...own, ...options.fields, ...fields }, own)));
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => systemLog(world, { ...options, fields: { ...options.fields, ...fields } }),
  };
};
