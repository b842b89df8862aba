/** The rules of names, as the API words them when they are broken. */

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
// The relaxed rule, which holds since 1.32.
const ENV_NAME = /^[ -<>-~]+$/;

const NAME_PART_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const tooLong = (most: number): string => `must be no more than ${most} characters`;

export function subdomainFault(value: string): string | undefined {
  if (value.length > 253) return tooLong(253);
  if (SUBDOMAIN.test(value)) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

export function dnsLabelFault(value: string): string | undefined {
  if (value.length > 63) return tooLong(63);
  if (LABEL.test(value)) return undefined;
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

/** Keys of labels, annotations and node selectors: `[prefix/]name`. */
export function qualifiedNameFault(key: string): string | undefined {
  const pieces = key.split('/');
  if (pieces.length > 2) {
    return `a qualified name ${NAME_PART_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  const name = pieces.at(-1) ?? '';
  if (pieces.length === 2) {
    const prefix = pieces[0] ?? '';
    if (prefix === '') return 'prefix part must be non-empty';
    const fault = subdomainFault(prefix);
    if (fault !== undefined) return `prefix part ${fault}`;
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return `name part ${tooLong(63)}`;
  return NAME_PART.test(name) ? undefined : `name part ${NAME_PART_TEXT}`;
}

export function labelValueFault(value: string): string | undefined {
  if (value.length > 63) return tooLong(63);
  if (VALUE.test(value)) return undefined;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

export function envNameFault(name: string): string | undefined {
  if (ENV_NAME.test(name)) return undefined;
  return "a valid environment variable name must consist only of printable ASCII characters other than '='";
}

export function configKeyFault(key: string): string | undefined {
  if (key.length > 253) return tooLong(253);
  if (CONFIG_KEY.test(key)) return undefined;
  return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
}

/** `Pod "x_Y"`: quoted as in messages. */
export const quoted = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : JSON.stringify(value ?? '');
