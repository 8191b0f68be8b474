/**
 * What every hypervisor driver does, on real machines with the built guest. Each test costs boots, so the suite
 * walks one machine through its life and looks at it from all sides.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { ExecutionContext, Implementation } from 'ava';
import { buildIso } from '../../agent/compute/hypervisor/iso9660.ts';
import type { Hypervisor, MachineSpec } from '../../agent/compute/hypervisor/port.ts';
import { MiB } from '../../proto/units.ts';
import { until } from '../until.ts';

export interface HypervisorSubject {
  /** A driver over this folder; called again it is the next agent's. */
  open(directory: string): Hypervisor;
  /** A fresh folder, given back at the end of the test. */
  directory(t: ExecutionContext): string;
  readonly baseFile: string;
}

const consoleOf = async (driver: Hypervisor, id: string): Promise<string> =>
  Buffer.from(await driver.readConsole(id, MiB)).toString('latin1');

const specOf = (id: string, baseFile: string, name: string): MachineSpec => ({
  id,
  vcpus: 1,
  memoryMiB: 128,
  disk: { baseFile, baseFormat: 'qcow2', sizeBytes: 128 * MiB },
  nic: { macAddress: '52:54:00:01:02:03', hostName: name },
  configDrive: buildIso(
    'config-2',
    [
      {
        path: 'openstack/latest/meta_data.json',
        bytes: Buffer.from(
          JSON.stringify({ uuid: id, hostname: name, public_keys: { k: 'ssh-ed25519 AAAAC3Nz suite@test' } }),
        ),
      },
      { path: 'openstack/latest/user_data', bytes: Buffer.from('#!/bin/sh\necho told by user data\n') },
    ],
    Date.now(),
  ),
});

/** `test` is `test.serial` or a skipping one, chosen by who knows whether the hypervisor is here. */
export const proveHypervisor = (
  test: (title: string, work: Implementation<[]>) => void,
  name: string,
  subject: () => Promise<HypervisorSubject>,
): void => {
  test(`${name}: a machine boots, reads its config drive, outlives its driver and obeys`, async (t) => {
    const { open, directory, baseFile } = await subject();
    const folder = directory(t);
    const id = randomUUID();
    const spec = specOf(id, baseFile, 'first-guest');
    const before = open(folder);
    const signal = new AbortController().signal;
    const ready = (driver: Hypervisor, times: number): Promise<true> =>
      until('the ready line', async () => {
        const lines = (await consoleOf(driver, id)).match(/shoal-guest: ready \S+ first-guest/g) ?? [];
        return lines.length >= times;
      }).then(() => true);

    t.is(await before.power(id), undefined);
    await t.throwsAsync(before.turn(id, 'running'), { message: /not defined/ });
    t.like(await before.define(spec, signal), { id, hasConfigDrive: true });
    t.is(await before.power(id), 'stopped');
    await t.throwsAsync(before.turn(id, 'paused'), { message: /Cannot pause/ });
    await before.turn(id, 'running');
    t.is(await before.power(id), 'running');
    await before.turn(id, 'running');
    await ready(before, 1);
    const console = await until('user data', async () => {
      const text = await consoleOf(before, id);
      return text.includes('user-data exit 0') && text;
    });
    t.regex(console, new RegExp(`metadata from config drive, instance ${id}`));
    t.regex(console, /key ssh-ed25519 AAAAC3Nz suite@test/);
    t.regex(console, /user-data: told by user data/);
    t.true((await before.readConsole(id, 10)).length <= 10, 'the console is cut to what was asked');

    await before.close();
    const after = open(folder);
    t.deepEqual(await after.list(), [id]);
    t.is(await after.power(id), 'running', 'a new driver finds the running machine');
    await after.turn(id, 'running');
    await after.turn(id, 'paused');
    t.is(await after.power(id), 'paused');
    await after.turn(id, 'running');
    t.is(await after.power(id), 'running');

    const begun = Date.now();
    await after.turn(id, 'stopped', { graceMs: 300_000 });
    t.true(Date.now() - begun < 290_000, 'the guest heard the power button');
    t.is(await after.power(id), 'stopped');
    await after.turn(id, 'stopped');

    await after.turn(id, 'running');
    await ready(after, 2);
    const told: string[] = [];
    after.onChange((changed) => told.push(changed));
    await after.turn(id, 'stopped');
    t.is(await after.power(id), 'stopped');
    await until('the word of its end', async () => told.includes(id));

    await after.destroy(id);
    t.deepEqual(await after.list(), []);
    t.is(await after.power(id), undefined);
    await after.destroy(id);
    t.false(existsSync(`${folder}/${id}`));
    await after.close();
  });

  test(`${name}: a half-made machine is found, made whole or removed`, async (t) => {
    const { open, directory, baseFile } = await subject();
    const folder = directory(t);
    const driver = open(folder);
    const id = randomUUID();
    const wrong = specOf(id, `${baseFile}.missing`, 'x');
    await t.throwsAsync(driver.define(wrong, new AbortController().signal), {
      message: /Cannot make the disk/,
    });
    t.deepEqual(await driver.list(), [id]);
    t.is(await driver.power(id), undefined);
    await driver.define(specOf(id, baseFile, 'x'), new AbortController().signal);
    t.is(await driver.power(id), 'stopped');
    await driver.destroy(id);
    t.deepEqual(await driver.list(), []);
    await t.throwsAsync(driver.power('../escape'), { message: /UUID/ });
    await driver.close();
  });
};
