import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openQemu } from '../../agent/compute/hypervisor/qemu.ts';
import { probeQemu } from '../../agent/compute/hypervisor/qemu-probe.ts';
import { fakeRuntime } from '../fake/http.ts';
import { guestImage } from '../guest/guest.ts';
import { until } from '../until.ts';
import { createServer, startCloud, untilGone, untilStatus } from './cloud.ts';

const programs = await probeQemu('tcg');
if ('refusal' in programs) console.log(`skipped: QEMU is missing here (${programs.refusal})`);

test.serial(
  'boot: a real guest on a host of the cloud: image, key, name, console, stop, restart of the agent, deletion',
  async (t) => {
    if ('refusal' in programs) {
      t.pass('skipped: QEMU is missing here');
      return;
    }
    const cloud = await startCloud(t);
    const hypervisor = (directory: string) => openQemu({ runtime: fakeRuntime(), programs }, { directory });
    const image = await cloud.addImage(
      { diskFormat: 'qcow2', name: 'guest' },
      await readFile(await guestImage()),
    );
    const first = await cloud.addHost('one', {
      hypervisor: { refusal: 'only the second host runs machines here' },
    });
    const machines = join(first.directory, '..', 'machines');
    const driver = hypervisor(machines);
    t.teardown(async () => {
      const last = hypervisor(machines);
      for (const id of await last.list()) await last.destroy(id);
      await last.close();
    });
    const host = await cloud.addHost('two', { hypervisor: driver });

    const made = await host.call('POST', '/v2.1/os-keypairs', { body: { keypair: { name: 'mine' } } });
    const key = (made.body.keypair as unknown as { public_key: string }).public_key;
    const id = await createServer(first, cloud, {
      name: 'Real One',
      imageRef: image.id,
      key_name: 'mine',
      user_data: Buffer.from('#!/bin/sh\necho told; exit 3\n').toString('base64'),
    });
    await untilStatus(first, id, 'ACTIVE');
    const console = () =>
      first
        .call('POST', `/v2.1/servers/${id}/action`, { body: { 'os-getConsoleOutput': {} } })
        .then(({ body }) => String(body.output));
    const log = await until('the guest ready', async () => {
      const text = await console();
      return text.includes('user-data exit') && text;
    });
    t.regex(log, /shoal-guest: ready \S+ real-one/);
    t.true(log.includes(`shoal-guest: key ${key}`), 'the key arrived');
    t.regex(log, new RegExp(`metadata from config drive, instance ${id}`));
    t.regex(log, /user-data: told\r?\n(.*\r?\n)*?.*user-data exit 3/);

    await host.kill();
    const next = hypervisor(machines);
    t.is(await next.power(id), 'running', 'the machine outlives the agent');
    const back = await cloud.addHost('two', {
      keyValue: host.keyValue,
      directory: host.directory,
      hypervisor: next,
    });
    await back.call('POST', `/v2.1/servers/${id}/action`, { body: { 'os-stop': null } });
    await untilStatus(back, id, 'SHUTOFF');
    await back.call('POST', `/v2.1/servers/${id}/action`, { body: { reboot: { type: 'HARD' } } });
    await untilStatus(back, id, 'ACTIVE');
    await until(
      'the second greeting',
      async () => ((await console()).match(/ready \S+ real-one/g) ?? []).length === 2,
    );
    await back.call('DELETE', `/v2.1/servers/${id}`);
    await untilGone(first, id);
    await until(
      'nothing left',
      async () => (await next.list()).length === 0 && back.compute.vitals().machines === 0,
    );
  },
);
