import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { adminPassword, openWorld } from './world.ts';

const openstack = '/usr/bin/openstack';
const here = existsSync(openstack) ? test : test.skip;

here(
  'identity: the openstack client works with it (skipped where python3-openstackclient is missing)',
  async (t) => {
    t.timeout(180_000);
    const host = await openWorld(t).host();
    const run = (
      user: string,
      password: string,
      project: string | null,
      ...args: string[]
    ): Promise<string> =>
      new Promise((resolve, reject) => {
        const env = {
          PATH: '/usr/bin:/bin',
          OS_AUTH_URL: `${host.url}/identity/v3`,
          OS_IDENTITY_API_VERSION: '3',
          OS_USERNAME: user,
          OS_PASSWORD: password,
          OS_USER_DOMAIN_NAME: 'Default',
          OS_REGION_NAME: 'RegionOne',
          ...(project && { OS_PROJECT_NAME: project, OS_PROJECT_DOMAIN_NAME: 'Default' }),
        };
        execFile(openstack, args, { env, timeout: 60_000 }, (error, stdout, stderr) =>
          error ? reject(new Error(`openstack ${args.join(' ')}: ${stderr}`)) : resolve(stdout),
        );
      });
    const asAdmin = (...args: string[]) => run('admin', adminPassword, 'admin', ...args);
    const json = async (...args: string[]) => JSON.parse(await asAdmin(...args, '-f', 'json'));

    t.is((await json('token', 'issue')).project_id.length, 32);
    t.deepEqual(
      (await json('catalog', 'list')).map((row: { Type: string }) => row.Type),
      ['identity', 'compute', 'image', 'object-store', 'shoal-cluster'],
    );
    t.is((await json('project', 'create', 'demo', '--description', 'a first one')).name, 'demo');
    t.is(
      (await json('user', 'create', 'ann', '--project', 'demo', '--password', 'secret', '--email', 'a@b.c'))
        .email,
      'a@b.c',
    );
    await asAdmin('role', 'create', 'gardener');
    t.true((await json('role', 'list')).some((row: { Name: string }) => row.Name === 'gardener'));
    await asAdmin('role', 'add', '--user', 'ann', '--project', 'demo', 'member');
    t.deepEqual(await json('role', 'assignment', 'list', '--user', 'ann', '--names'), [
      {
        Role: 'member',
        User: 'ann@Default',
        Group: '',
        Project: 'demo@Default',
        Domain: '',
        System: '',
        Inherited: false,
      },
    ]);
    t.is((await json('user', 'show', 'ann')).enabled, true);
    t.is((await json('project', 'show', 'demo')).description, 'a first one');
    t.is(
      JSON.parse(await run('ann', 'secret', 'demo', 'token', 'issue', '-f', 'json')).project_id,
      (await json('project', 'show', 'demo')).id,
    );
    await t.throwsAsync(run('ann', 'wrong', 'demo', 'token', 'issue'), {
      message: /requires authentication.*HTTP 401/,
    });
    await t.throwsAsync(run('ann', 'secret', 'demo', 'user', 'list'), {
      message: /identity:list_users.*HTTP 403/s,
    });
    await asAdmin('role', 'remove', '--user', 'ann', '--project', 'demo', 'member');
    await asAdmin('user', 'delete', 'ann');
    await asAdmin('project', 'delete', 'demo');
    await asAdmin('role', 'delete', 'gardener');
    await t.throwsAsync(asAdmin('project', 'show', 'demo'), {
      message: /No project with a name or ID of 'demo'/,
    });
  },
);
