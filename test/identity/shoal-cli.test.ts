import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { errorTable } from '../../proto/error.ts';
import { adminPassword, openWorld } from './world.ts';

const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));

test('shoal user, project, role: made, given, listed, shown and deleted, by name', async (t) => {
  t.timeout(600_000);
  const host = await openWorld(t).host();
  const shoal = async (words: string, input = '') => {
    const child = spawn(process.execPath, [bin, ...words.split(' ')], {
      env: {
        ...process.env,
        OS_AUTH_URL: `${host.url}/identity/v3`,
        OS_USERNAME: 'admin',
        OS_PASSWORD: adminPassword,
        OS_PROJECT_NAME: 'admin',
      },
    });
    child.stdin.end(input);
    let [out, err] = ['', ''];
    child.stdout.on('data', (piece) => {
      out += piece;
    });
    child.stderr.on('data', (piece) => {
      err += piece;
    });
    const [status] = await once(child, 'close');
    return { status, out, err };
  };
  const json = async (words: string) => JSON.parse((await shoal(`${words} --output json`)).out);

  t.is((await shoal('project create reef --description corals')).status, 0);
  t.is((await json('project create lagoon --parent reef')).parent_id, (await json('project show reef')).id);
  t.is((await shoal('user create nemo --project reef --password-file -', 'anemone\n')).status, 0);
  await t.notThrowsAsync(host.login('nemo', 'anemone', 'reef'), 'the role member comes with --project');
  await shoal('role create diver');
  t.is((await shoal('role add diver --user nemo --project lagoon')).status, 0);
  await t.notThrowsAsync(host.login('nemo', 'anemone', 'lagoon'));
  t.is((await shoal('role remove diver --user nemo --project lagoon')).status, 0);
  await t.throwsAsync(host.login('nemo', 'anemone', 'lagoon'));
  t.is((await shoal('role add diver --user nemo --project reef --inherited')).status, 0);
  await t.notThrowsAsync(host.login('nemo', 'anemone', 'lagoon'));
  t.regex((await shoal('user list')).out, /^ID +NAME +ENABLED +DOMAIN\n[\s\S]*nemo +yes +default/);

  const both = await shoal('role add diver --user nemo --group divers --project reef');
  t.is(both.status, errorTable.BAD_REQUEST.exit);
  t.regex(both.err, /^shoal: Cannot tell whom or what is meant: give one of --user, --group\n$/);
  t.is((await shoal('user show marlin')).status, errorTable.NOT_FOUND.exit);
  t.regex((await shoal('project delete reef')).err, /not a leaf/);
  for (const words of [
    'user delete nemo',
    'project delete lagoon',
    'project delete reef',
    'role delete diver',
  ])
    t.is((await shoal(words)).status, 0, words);
});
