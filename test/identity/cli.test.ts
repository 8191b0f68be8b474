import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { adminPassword, type Host, openWorld } from './world.ts';

const openstack = '/usr/bin/openstack';
const here = existsSync(openstack) ? test : test.skip;

/** Runs the client as a user of a host; `project` null: without a scope. */
const clientOf =
  (host: Host) =>
  (user: string, password: string, project: string | null, ...args: string[]): Promise<string> =>
    run(args, {
      OS_AUTH_URL: `${host.url}/identity/v3`,
      OS_USERNAME: user,
      OS_PASSWORD: password,
      OS_USER_DOMAIN_NAME: 'Default',
      ...(project && { OS_PROJECT_NAME: project, OS_PROJECT_DOMAIN_NAME: 'Default' }),
    });

const run = (args: readonly string[], more: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve, reject) => {
    const env = {
      PATH: '/usr/bin:/bin',
      OS_IDENTITY_API_VERSION: '3',
      OS_REGION_NAME: 'RegionOne',
      ...more,
    };
    execFile(openstack, args, { env, timeout: 300_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`openstack ${args.join(' ')}: ${stderr}`)) : resolve(stdout),
    );
  });

here(
  'identity: the openstack client works with it (skipped where python3-openstackclient is missing)',
  async (t) => {
    t.timeout(600_000);
    const host = await openWorld(t).host();
    const run = clientOf(host);
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

here(
  'identity: the openstack client manages groups, trees, implied roles, tags and keys (skipped where it is missing)',
  async (t) => {
    t.timeout(600_000);
    const host = await openWorld(t).host();
    const as = clientOf(host);
    const asAdmin = (...args: string[]) => as('admin', adminPassword, 'admin', ...args);
    const json = async (...args: string[]) => JSON.parse(await asAdmin(...args, '-f', 'json'));

    await asAdmin('project', 'create', 'reef', '--tag', 'warm');
    t.is((await json('project', 'create', 'lagoon', '--parent', 'reef')).domain_id, 'default');
    t.deepEqual(
      (await json('project', 'list', '--tags', 'warm')).map((row: { Name: string }) => row.Name),
      ['reef'],
    );
    await asAdmin('group', 'create', 'divers');
    await asAdmin('user', 'create', 'ann', '--password', 'secret');
    await asAdmin('group', 'add', 'user', 'divers', 'ann');
    t.regex(await asAdmin('group', 'contains', 'user', 'divers', 'ann'), /ann in group divers/);
    await asAdmin('role', 'create', 'captain');
    await asAdmin('implied', 'role', 'create', 'captain', '--implied-role', 'member');
    await asAdmin('role', 'add', '--group', 'divers', '--project', 'reef', '--inherited', 'captain');
    const effective = await json('role', 'assignment', 'list', '--effective', '--user', 'ann', '--names');
    t.deepEqual(
      effective.map((row: { Role: string; Project: string }) => `${row.Role} ${row.Project}`).sort(),
      ['captain lagoon@Default', 'member lagoon@Default', 'reader lagoon@Default'],
    );
    const asAnn = (...args: string[]) => as('ann', 'secret', 'lagoon', ...args);
    const application = JSON.parse(
      await asAnn('application', 'credential', 'create', 'robot', '--role', 'reader', '-f', 'json'),
    );
    const entered = await run(['token', 'issue', '-f', 'json'], {
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_AUTH_URL: `${host.url}/identity/v3`,
      OS_APPLICATION_CREDENTIAL_ID: application.id,
      OS_APPLICATION_CREDENTIAL_SECRET: application.secret,
    });
    t.is(JSON.parse(entered).project_id, application.project_id);
    const key = JSON.parse(await asAnn('ec2', 'credentials', 'create', '-f', 'json'));
    t.is((await host.identity.ec2Secret(key.access))?.secret, key.secret);
    await asAdmin('region', 'create', 'north');
    await asAdmin('service', 'create', '--name', 'designate', 'dns');
    await asAdmin('endpoint', 'create', '--region', 'north', 'dns', 'public', 'http://127.0.0.1:9/dns');
    t.true((await json('catalog', 'list')).some((row: { Type: string }) => row.Type === 'dns'));
  },
);
