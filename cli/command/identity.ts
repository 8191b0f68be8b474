/** shoal user|project|role list|create|show|delete, shoal role add|remove. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ShoalError } from '../../proto/error.ts';
import type { Method } from '../../proto/rest/route.ts';
import type { Client } from '../client.ts';
import { type Column, printList, printOne } from '../output.ts';
import { findByNameOrId } from './find.ts';
import { online, settingsOf } from './options.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly description?: string | null;
  readonly enabled?: boolean;
  readonly domain_id: string | null;
}

type Noun = 'user' | 'project' | 'role' | 'group' | 'domain';

const listRows = async (api: Client, noun: Noun): Promise<Row[]> =>
  (await api.json<Record<string, Row[]>>('identity', 'GET', `/v3/${noun}s`))[`${noun}s`] ?? [];

const find = async (api: Client, noun: Noun, wanted: string): Promise<Row> =>
  findByNameOrId(noun, await listRows(api, noun), wanted);

const id: Column<Row> = { title: 'ID', value: (row) => row.id };
const name: Column<Row> = { title: 'NAME', value: (row) => row.name };
const enabled: Column<Row> = { title: 'ENABLED', value: (row) => (row.enabled ? 'yes' : 'no') };
const domain: Column<Row> = { title: 'DOMAIN', value: (row) => row.domain_id };
const description: Column<Row> = { title: 'DESCRIPTION', value: (row) => row.description };

interface CreateOptions {
  readonly description?: string;
  readonly domain?: string;
  readonly project?: string;
  readonly parent?: string;
  readonly passwordFile?: string;
}

const passwordIn = (file: string): string => {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new ShoalError('NOT_FOUND', `Cannot read the password from "${file}"`, { cause });
  }
};

/** What a new one is sent as; names of others become their ids. */
const bodyOf = async (api: Client, wanted: string, options: CreateOptions): Promise<object> => ({
  name: wanted,
  ...(options.description !== undefined && { description: options.description }),
  ...(options.domain !== undefined && { domain_id: (await find(api, 'domain', options.domain)).id }),
  ...(options.parent !== undefined && { parent_id: (await find(api, 'project', options.parent)).id }),
  ...(options.project !== undefined && {
    default_project_id: (await find(api, 'project', options.project)).id,
  }),
  ...(options.passwordFile !== undefined && { password: passwordIn(options.passwordFile) }),
});

/** A user with a project also gets the role member there: else the two have nothing in common. */
const joinProject = async (api: Client, user: Row, projectName: string): Promise<void> => {
  const [project, role] = await Promise.all([find(api, 'project', projectName), find(api, 'role', 'member')]);
  await api.fetch('identity', 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${role.id}`);
};

const fourVerbs = (noun: Command, columns: readonly Column<Row>[], options: (create: Command) => Command) => {
  const kind = noun.name() as Noun;

  online(noun.command('list').description(`all ${kind}s that may be seen`)).action(
    async (_, command: Command) => {
      const { client, format } = settingsOf(command);
      printList(format, await listRows(await client(), kind), columns);
    },
  );

  options(online(noun.command('create <name>').description(`make a ${kind}`)))
    .option('--description <text>', 'what it is for')
    .option('--domain <domain>', 'name or id (default: that of the token)')
    .action(async (wanted: string, asked: CreateOptions, command: Command) => {
      const { client, format } = settingsOf(command);
      const api = await client();
      const json = { [kind]: await bodyOf(api, wanted, asked) };
      const answer = await api.json<Record<string, Row>>('identity', 'POST', `/v3/${kind}s`, { json });
      const row = answer[kind];
      if (!row) throw new ShoalError('INTERNAL', `The answer holds no ${kind}`);
      if (asked.project !== undefined) await joinProject(api, row, asked.project);
      printOne(format, { ...row });
    });

  online(noun.command(`show <${kind}>`).description(`one ${kind}, by name or id`)).action(
    async (wanted: string, _, command: Command) => {
      const { client, format } = settingsOf(command);
      printOne(format, { ...(await find(await client(), kind, wanted)) });
    },
  );

  online(noun.command(`delete <${kind}>`).description(`delete a ${kind}, by name or id`)).action(
    async (wanted: string, _, command: Command) => {
      const api = await settingsOf(command).client();
      const row = await find(api, kind, wanted);
      await api.fetch('identity', 'DELETE', `/v3/${kind}s/${row.id}`);
    },
  );
};

interface GrantOptions {
  readonly user?: string;
  readonly group?: string;
  readonly project?: string;
  readonly onDomain?: string;
  readonly system?: boolean;
  readonly inherited?: boolean;
}

/** Exactly one of what is offered. */
const oneOf = (options: GrantOptions, names: readonly (keyof GrantOptions)[]): keyof GrantOptions => {
  const [given, ...more] = names.filter((option) => options[option] !== undefined);
  const flags = names.map((option) => `--${option === 'onDomain' ? 'on-domain' : option}`).join(', ');
  if (given === undefined || more.length > 0)
    throw new ShoalError('BAD_REQUEST', `Cannot tell whom or what is meant: give one of ${flags}`);
  return given;
};

const grant = async (api: Client, method: Method, roleName: string, options: GrantOptions): Promise<void> => {
  const who = oneOf(options, ['user', 'group']) as 'user' | 'group';
  const where = oneOf(options, ['project', 'onDomain', 'system']);
  const noun: Noun = where === 'onDomain' ? 'domain' : 'project';
  const actor = await find(api, who, options[who] ?? '');
  const role = await find(api, 'role', roleName);
  const place =
    where === 'system'
      ? 'system'
      : `${noun}s/${(await find(api, noun, options.project ?? options.onDomain ?? '')).id}`;
  const path = `${place}/${who}s/${actor.id}/roles/${role.id}`;
  await api.fetch(
    'identity',
    method,
    options.inherited ? `/v3/OS-INHERIT/${path}/inherited_to_projects` : `/v3/${path}`,
  );
};

export const identityCommands = (program: Command): void => {
  const user = program.command('user').description('who may log in');
  fourVerbs(user, [id, name, enabled, domain], (create) =>
    create
      .option('--project <project>', 'default project, with the role member there')
      .option('--password-file <file>', 'what it holds is the password; - for standard input'),
  );

  const project = program.command('project').description('what servers, images and objects belong to');
  fourVerbs(project, [id, name, enabled, domain, description], (create) =>
    create.option('--parent <project>', 'the project that it stands below'),
  );

  const role = program.command('role').description('what users may do, and where');
  fourVerbs(role, [id, name, domain, description], (create) => create);
  for (const [verb, method, about] of [
    ['add', 'PUT', 'give a role'],
    ['remove', 'DELETE', 'take a role'],
  ] as const)
    online(role.command(`${verb} <role>`).description(about))
      .option('--user <user>', 'whose, by name or id')
      .option('--group <group>', 'or the role of a group')
      .option('--project <project>', 'on a project')
      .option('--on-domain <domain>', 'on a domain')
      .option('--system', 'on the whole cloud')
      .option('--inherited', 'for all projects below instead of the place itself')
      .action(async (wanted: string, options: GrantOptions, command: Command) =>
        grant(await settingsOf(command).client(), method, wanted, options),
      );
};
