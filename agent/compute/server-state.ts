/**
 * A server's states and the requests that move it, as pure changes of its record. A request sets what is wanted and
 * the task; the keeper of the server's host does it and clears the task. While a task is set, others must wait.
 *
 *   building ──> active <──────> stopped        any ──> deleted (the record goes)
 *       │         │  ^              ^           any ──> error
 *       v         v  │              │           error ── reboot HARD ──> active
 *     error     paused ─────────────┘ (host restarted)
 */
import { ShoalError } from '../../proto/error.ts';
import type { Server, TaskState, VmState } from './records.ts';

interface Request {
  /** Nova's name in `Cannot 'start' instance …`. */
  readonly name: string;
  readonly from: readonly VmState[];
  /** Tasks that it may interrupt. */
  readonly over?: readonly TaskState[];
  readonly task: TaskState;
  readonly wanted: Server['wanted'];
}

export const requests = {
  start: { name: 'start', from: ['stopped'], task: 'powering-on', wanted: 'running' },
  stop: { name: 'stop', from: ['active', 'error'], task: 'powering-off', wanted: 'stopped' },
  rebootSoft: { name: 'reboot', from: ['active'], task: 'rebooting', wanted: 'running' },
  rebootHard: {
    name: 'reboot',
    from: ['active', 'stopped', 'paused', 'error'],
    over: ['rebooting', 'rebooting_hard', 'powering-off', 'powering-on', 'pausing', 'unpausing'],
    task: 'rebooting_hard',
    wanted: 'running',
  },
  pause: { name: 'pause', from: ['active'], task: 'pausing', wanted: 'paused' },
  unpause: { name: 'unpause', from: ['paused'], task: 'unpausing', wanted: 'running' },
} as const satisfies Record<string, Request>;

export type RequestName = keyof typeof requests;

/** Throws CONFLICT in Nova's words. */
export const applyRequest = (server: Server, name: RequestName, nowMs: number): Server => {
  const request: Request = requests[name];
  const refuse = (attribute: string, state: string): ShoalError =>
    new ShoalError(
      'CONFLICT',
      `Cannot '${request.name}' instance ${server.id} while it is in ${attribute} ${state}`,
    );
  if (server.wanted === 'deleted') throw refuse('task_state', 'deleting');
  if (!request.from.includes(server.vmState)) throw refuse('vm_state', server.vmState);
  if (server.taskState !== null && !request.over?.includes(server.taskState))
    throw refuse('task_state', server.taskState);
  if (server.host === null) throw new ShoalError('CONFLICT', `Instance ${server.id} is not ready`);
  return { ...server, wanted: request.wanted, taskState: request.task, updatedAtMs: nowMs };
};

export const applyDelete = (server: Server, nowMs: number): Server =>
  server.wanted === 'deleted'
    ? server
    : { ...server, wanted: 'deleted', taskState: 'deleting', updatedAtMs: nowMs };

/** Nova's status for the API. */
export const statusOf = ({ vmState, taskState }: Pick<Server, 'vmState' | 'taskState'>): string => {
  if (taskState === 'rebooting' && vmState === 'active') return 'REBOOT';
  if (taskState === 'rebooting_hard' && vmState !== 'error') return 'HARD_REBOOT';
  return { building: 'BUILD', active: 'ACTIVE', stopped: 'SHUTOFF', paused: 'PAUSED', error: 'ERROR' }[
    vmState
  ];
};

/** Nova's power states: 0 none, 1 running, 3 paused, 4 shut down. */
export const powerStateOf = ({ vmState }: Pick<Server, 'vmState'>): number =>
  ({ building: 0, active: 1, stopped: 4, paused: 3, error: 0 })[vmState];

export const failed = (server: Server, message: string, nowMs: number, code = 500): Server => ({
  ...server,
  vmState: 'error',
  taskState: null,
  updatedAtMs: nowMs,
  fault: { code, message, createdAtMs: nowMs },
});
