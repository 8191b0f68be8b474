/**
 * What a keeper does next for one server: wanted and actual in, one step out. Pure. After the step it looks again,
 * so a step needs only to lead nearer.
 */
import type { Power } from './hypervisor/port.ts';
import type { Server, VmState } from './records.ts';

export type Step =
  | { readonly do: 'nothing' }
  /** Room, disk, start. */
  | { readonly do: 'build' }
  | { readonly do: 'start' }
  /** The process vanished without anyone's wish. */
  | { readonly do: 'restart' }
  | { readonly do: 'stop'; readonly gently: boolean }
  | { readonly do: 'reboot'; readonly gently: boolean }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  /** The record goes too. */
  | { readonly do: 'remove' }
  /** What runs here is no longer this host's to run. */
  | { readonly do: 'let go' }
  /** Actual is as wanted: say so in the record. */
  | { readonly do: 'settle'; readonly vmState: VmState }
  /** The guest turned itself off: that is now wanted. */
  | { readonly do: 'accept off' }
  | { readonly do: 'fail'; readonly message: string };

const settled = (server: Server, vmState: VmState): Step =>
  server.vmState === vmState && server.taskState === null ? { do: 'nothing' } : { do: 'settle', vmState };

const planRunning = (server: Server, power: Power): Step => {
  if (server.taskState === 'rebooting' || server.taskState === 'rebooting_hard')
    return { do: 'reboot', gently: server.taskState === 'rebooting' };
  switch (power) {
    case 'running':
      return settled(server, 'active');
    case 'paused':
      return { do: 'resume' };
    case 'off':
      return server.taskState === null ? { do: 'accept off' } : { do: 'start' };
    case 'stopped':
      return server.taskState === null ? { do: 'restart' } : { do: 'start' };
  }
};

/** `server` undefined: its record is gone. `power` undefined: nothing whole is here. */
export const planServer = (server: Server | undefined, power: Power | undefined, self: string): Step => {
  if (!server || server.host !== self) return { do: 'let go' };
  if (server.wanted === 'deleted') return { do: 'remove' };
  if (server.vmState === 'building') return power === 'running' ? settled(server, 'active') : { do: 'build' };
  // A server in error waits for its user: only a task, which a request sets, moves it.
  if (server.vmState === 'error' && server.taskState === null) return { do: 'nothing' };
  if (power === undefined) return { do: 'fail', message: 'The disk of the server is gone from its host.' };
  switch (server.wanted) {
    case 'running':
      return planRunning(server, power);
    case 'stopped':
      return power === 'stopped'
        ? settled(server, 'stopped')
        : { do: 'stop', gently: server.taskState === 'powering-off' };
    case 'paused':
      if (power === 'running') return { do: 'pause' };
      return power === 'paused' ? settled(server, 'paused') : { do: 'accept off' };
  }
};
