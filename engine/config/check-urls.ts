import type { Path } from '../document/document.ts';
import { formatPath } from '../document/fault.ts';
import type { Secret, TlsConfig } from '../model/config.ts';
import { hasUserinfo, maskUrl } from '../model/url.ts';
import type { Inspection } from './inspection.ts';

/** The URLs of one kind of server. */
export interface UrlKind {
  /** Schemes without `://`: first the one without TLS, then the one with TLS. */
  readonly schemes: readonly [plain: string, secure: string];
  readonly example: string;
  /** The keys for a login, as part of a sentence. */
  readonly login: string;
}

/** Checks scheme, host and port of a URL, that nothing follows them, and that it contains no login. */
export function checkUrl(inspection: Inspection, path: Path, url: string, kind: UrlKind): void {
  if (!inspection.isSound(path)) return;
  const fault = urlFault(url, kind);
  if (fault !== undefined) {
    const message = `${formatPath(path)} is ${JSON.stringify(maskUrl(url))}, ${fault}.`;
    inspection.faults.push({ code: 'bad-url', path, message, remedy: `Write it like ${kind.example}.` });
  }
  if (hasUserinfo(url)) {
    const message = `${formatPath(path)} contains a user, password or token, but URLs appear in logs and in /readyz.`;
    const remedy = `Remove it from the URL, and set ${kind.login} with {"env": "NAME"} or {"file": "path"}.`;
    inspection.faults.push({ code: 'secret-in-url', path, message, remedy });
  }
}

function urlFault(url: string, { schemes }: UrlKind): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  const allowed = schemes.map((one) => `${one}://`).join(' or ');
  if (scheme === undefined || !schemes.includes(scheme)) return `which does not begin with ${allowed}`;
  if (!URL.canParse(url) || /\s/.test(url)) {
    return /:\d+\/?$/.test(url) ? 'whose host or port is not valid' : 'which is not a URL';
  }
  const { hostname, port, pathname, search, hash } = new URL(url);
  if (hostname === '') return 'which has no host';
  if (port === '0') return 'whose port is 0';
  return (pathname !== '' && pathname !== '/') || search !== '' || hash !== ''
    ? 'which has more than host and port'
    : undefined;
}

/** The keys that every kind of server has. */
export interface ServerEntry {
  readonly username?: Secret;
  readonly password?: Secret;
  readonly tls?: TlsConfig;
}

/** Checks the keys that every kind of server has: login and TLS. */
export function checkLogin(inspection: Inspection, path: Path, entry: ServerEntry): void {
  const { faults, isSound, isPresent } = inspection;
  warnLiteral(inspection, [...path, 'password'], entry.password);
  if (entry.password !== undefined && entry.username === undefined && isPresent([...path, 'username'])) {
    const message = `${formatPath(path)} has a password, but no \`username\`.`;
    faults.push({
      code: 'missing-key',
      path: [...path, 'password'],
      which: 'key',
      message,
      remedy: 'Add the `username`.',
    });
  }
  const { tls } = entry;
  const tlsPath = [...path, 'tls'];
  if (tls === undefined || !isSound(tlsPath)) return;
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const [given, missing] = tls.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const message = `${formatPath(tlsPath)} has \`${given}\` without \`${missing}\`.`;
    faults.push({
      code: 'missing-key',
      path: [...tlsPath, given!],
      which: 'key',
      message,
      remedy: `Add \`${missing}\`; the two belong together.`,
    });
  }
  if (tls.verify === false) {
    const message = `${formatPath(tlsPath)} accepts any server, so an attacker in the network can pretend to be the server.`;
    const remedy = 'Set `ca` to the certificate authority of the server, and remove `verify`.';
    faults.push({ code: 'unverified-tls', severity: 'warning', path: [...tlsPath, 'verify'], message, remedy });
  }
}

/** Warns of a secret that is written in the file itself. */
export function warnLiteral(inspection: Inspection, path: Path, secret: Secret | undefined): void {
  if (typeof secret !== 'string' || !inspection.isSound(path)) return;
  const message = `${formatPath(path)} is written in the file, where everyone who can read the file sees it.`;
  const remedy = 'Write {"env": "NAME"} or {"file": "path"} instead.';
  inspection.faults.push({ code: 'literal-secret', severity: 'warning', path, message, remedy });
}

/** Reports TLS settings with a URL that does not use TLS: they have no effect. */
export function checkTlsUsed(
  inspection: Inspection,
  path: Path,
  url: string,
  tls: TlsConfig | undefined,
  kind: UrlKind,
): void {
  const [plain, secure] = kind.schemes;
  if (tls === undefined || !url.toLowerCase().startsWith(`${plain}://`)) return;
  const message = `${formatPath([...path, 'tls'])} has no effect with a ${plain}:// URL.`;
  const remedy = `Write the URL with ${secure}://, or remove \`tls\`.`;
  inspection.faults.push({ code: 'unused-tls', path: [...path, 'tls'], which: 'key', message, remedy });
}
