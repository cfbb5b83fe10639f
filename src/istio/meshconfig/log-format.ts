// Is a text a format of Envoy's access logs, as far as its form says? Envoy refuses a listener with
// one that is none, and with it every later change of that listener.
// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/advanced/substitution_formatter

/** `%NAME%`, `%NAME(what)%`, either with a length; `%%` is a percent sign. */
const OPERATOR = /%%|%[A-Z0-9_]+(?:\([^)]*\)|\((?:[^()]|\([^()]*\))*\))?(?::\d+)?%/g;

export const isLogFormat = (text: string): boolean => !text.replaceAll(OPERATOR, '').includes('%');
