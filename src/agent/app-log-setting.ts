// ISTHMUS_APP_LOG: which log is the application's own. The machine's owner says so, in the
// environment or in sidecar.env; from a file of the control plane's it is refused
// (config-layers.ts), or whoever runs that could read any file of the machine's. Pure.
import { isAbsolute, normalize } from 'node:path';
import type { Settings } from './settings.ts';

export type AppLog =
  | { readonly kind: 'unit'; readonly unit: string }
  | { readonly kind: 'file'; readonly path: string };

const SETTING = 'ISTHMUS_APP_LOG';
/** systemd.unit(5): letters, digits and `:-_.\@`, with the suffix of what writes logs. */
const UNIT = /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,240}\.(?:service|scope|slice)$/;
const PATH_LENGTH_MAX = 1_000;

/** undefined: none is to be read, or the setting is wrong, which is then told. */
export function readAppLog(settings: Settings): AppLog | undefined {
  const text = settings.text(SETTING);
  const log = text === undefined ? undefined : parseAppLog(text);
  if (text !== undefined && !log) {
    settings.fail(`${SETTING} is "${text}", expected unit:NAME.service or file:/PATH`);
  }
  return log;
}

function parseAppLog(text: string): AppLog | undefined {
  const [, kind, name = ''] = /^(unit|file):(.+)$/.exec(text) ?? [];
  if (kind === 'unit') return UNIT.test(name) ? { kind, unit: name } : undefined;
  const isPath = isAbsolute(name) && normalize(name) === name && !name.endsWith('/');
  return kind === 'file' && isPath && name.length <= PATH_LENGTH_MAX
    ? { kind, path: name }
    : undefined;
}
