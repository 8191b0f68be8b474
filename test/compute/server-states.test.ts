import test from 'ava';
import type { Power } from '../../agent/compute/hypervisor/port.ts';
import type { Server } from '../../agent/compute/records.ts';
import { planServer } from '../../agent/compute/server-plan.ts';
import { hostNameOf } from '../../agent/compute/server-request.ts';
import { applyDelete, applyRequest, statusOf } from '../../agent/compute/server-state.ts';
import { aServer } from './samples.ts';

const active: Partial<Server> = { host: 'me', vmState: 'active', taskState: null };
const plan = (changes: Partial<Server>, power: Power | undefined) =>
  planServer(aServer(changes), power, 'me');

test('keeper: wanted and actual lead to one step', (t) => {
  t.is(planServer(undefined, 'running', 'me').do, 'let go');
  t.is(plan({ ...active, host: 'other' }, 'running').do, 'let go');
  t.is(plan({ host: null }, undefined).do, 'let go');
  t.is(plan({ ...active, wanted: 'deleted' }, 'running').do, 'remove');
  t.is(plan({ ...active, vmState: 'error', wanted: 'deleted' }, undefined).do, 'remove');
  t.is(plan({ host: 'me', taskState: 'spawning' }, undefined).do, 'build');
  t.is(plan({ host: 'me', taskState: 'spawning' }, 'stopped').do, 'build');
  t.is(plan({ host: 'me', taskState: 'spawning' }, 'running').do, 'settle');
  t.is(plan(active, 'running').do, 'nothing');
  t.is(plan(active, 'stopped').do, 'restart');
  t.is(plan(active, 'off').do, 'accept off');
  t.is(plan(active, 'paused').do, 'resume');
  t.is(plan(active, undefined).do, 'fail');
  t.is(plan({ ...active, vmState: 'error' }, 'stopped').do, 'nothing');
  t.deepEqual(plan({ ...active, wanted: 'stopped', taskState: 'powering-off' }, 'running'), {
    do: 'stop',
    gently: true,
  });
  t.deepEqual(plan({ ...active, wanted: 'stopped', vmState: 'stopped' }, 'running'), {
    do: 'stop',
    gently: false,
  });
  t.deepEqual(plan({ ...active, wanted: 'stopped', taskState: 'powering-off' }, 'stopped'), {
    do: 'settle',
    vmState: 'stopped',
  });
  t.deepEqual(plan({ ...active, taskState: 'rebooting' }, 'running'), { do: 'reboot', gently: true });
  t.deepEqual(plan({ ...active, vmState: 'error', taskState: 'rebooting_hard' }, 'stopped'), {
    do: 'reboot',
    gently: false,
  });
  t.is(plan({ ...active, vmState: 'stopped', taskState: 'powering-on' }, 'stopped').do, 'start');
  t.is(plan({ ...active, wanted: 'paused', taskState: 'pausing' }, 'running').do, 'pause');
  t.is(plan({ ...active, wanted: 'paused', vmState: 'paused' }, 'stopped').do, 'accept off');
});

test('keeper: followed step by step, every wish is reached from every power and then rests', (t) => {
  const after: Record<string, Power> = {
    build: 'running',
    start: 'running',
    restart: 'running',
    resume: 'running',
    reboot: 'running',
    stop: 'stopped',
    pause: 'paused',
    'accept off': 'stopped',
  };
  const wishes: Partial<Server>[] = [
    { wanted: 'running', vmState: 'building', taskState: 'spawning' },
    { wanted: 'running', vmState: 'active', taskState: null },
    { wanted: 'stopped', vmState: 'active', taskState: 'powering-off' },
    { wanted: 'running', vmState: 'stopped', taskState: 'powering-on' },
    { wanted: 'running', vmState: 'active', taskState: 'rebooting_hard' },
    { wanted: 'paused', vmState: 'active', taskState: 'pausing' },
    { wanted: 'running', vmState: 'paused', taskState: 'unpausing' },
  ];
  for (const wish of wishes)
    for (const from of ['running', 'paused', 'off', 'stopped'] as const) {
      let server = aServer({ host: 'me', ...wish });
      let power: Power = from;
      let looks = 0;
      for (; looks < 10; looks += 1) {
        const step = planServer(server, power, 'me');
        if (step.do === 'nothing') break;
        power = after[step.do] ?? power;
        if (step.do === 'settle') server = { ...server, vmState: step.vmState, taskState: null };
        if (step.do === 'reboot') server = { ...server, vmState: 'active', taskState: null };
        if (step.do === 'accept off')
          server = { ...server, vmState: 'stopped', wanted: 'stopped', taskState: null };
      }
      t.true(looks < 5, `${JSON.stringify(wish)} from ${from}`);
    }
});

test('states: requests are refused while another task is set, a hard reboot interrupts', (t) => {
  const server = aServer(active);
  const stopping = applyRequest(server, 'stop', 5);
  t.like(stopping, { wanted: 'stopped', taskState: 'powering-off', updatedAtMs: 5 });
  t.throws(() => applyRequest(stopping, 'start', 6), { message: /Cannot 'start' .* vm_state active/ });
  t.throws(() => applyRequest(stopping, 'pause', 6), { message: /task_state powering-off/ });
  t.is(applyRequest(stopping, 'rebootHard', 6).taskState, 'rebooting_hard');
  const gone = applyDelete(server, 7);
  t.is(applyDelete(gone, 8), gone);
  t.throws(() => applyRequest(gone, 'rebootHard', 9), { message: /task_state deleting/ });
  t.throws(() => applyRequest(aServer({ vmState: 'error', taskState: null }), 'rebootHard', 1), {
    message: /not ready/,
  });
  t.is(statusOf({ vmState: 'active', taskState: 'rebooting' }), 'REBOOT');
  t.is(statusOf({ vmState: 'active', taskState: 'deleting' }), 'ACTIVE');
});

test('names: a host name is what a name leaves of itself', (t) => {
  t.is(hostNameOf('My Server_1', 'id'), 'my-server-1');
  t.is(hostNameOf('-.web.-', 'id'), 'web');
  t.is(hostNameOf('Öffentlich', 'id'), 'offentlich');
  t.is(hostNameOf('日本', 'id'), 'server-id');
  t.is(hostNameOf('x'.repeat(200), 'id').length, 63);
});
