/**
 * One agent a data directory. The lock is a file with the holder's pid; a holder that is gone (kill -9, power cut)
 * or whose pid is another program's by now does not count.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';

/**
 * When a process started, in clock ticks since boot: with the pid it names a process for good. Undefined when it is
 * gone; one that has ended and only waits to be collected by its parent (Z, X) holds nothing any more.
 */
const startOf = (pid: number): string | undefined => {
  try {
    // The command in parentheses may hold spaces; behind it come state (field 3) and, as field 22, the start (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

const take = (file: string): boolean => {
  try {
    const handle = openSync(file, 'wx', 0o600);
    writeSync(handle, `${process.pid} ${startOf(process.pid) ?? ''}`);
    closeSync(handle);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** Throws CONFLICT while another agent holds it. Returns the release. */
export const lockData = (directory: string): (() => void) => {
  const file = join(directory, 'agent.lock');
  if (!take(file)) {
    const [pid = '', start = ''] = readFileSync(file, 'utf8').split(' ');
    if (start !== '' && startOf(Number(pid)) === start && Number(pid) !== process.pid)
      throw new ShoalError('CONFLICT', `Cannot run an agent in ${directory}: process ${pid} runs one there`);
    rmSync(file, { force: true });
    if (!take(file))
      throw new ShoalError('CONFLICT', `Cannot run an agent in ${directory}: another one starts there now`);
  }
  return () => rmSync(file, { force: true });
};
