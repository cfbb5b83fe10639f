// Rules for port numbers and names that several kinds share.
import type { Violation } from '../violation.ts';
import { invalid } from '../violation.ts';

const PORT_MAX = 65_535;
const NAME_LENGTH_MAX = 15;

export function validatePortNumber(port: number, path: string): Violation[] {
  if (Number.isInteger(port) && port >= 1 && port <= PORT_MAX) return [];
  return [invalid(path, port, `must be between 1 and ${PORT_MAX}, inclusive`)];
}

/** An IANA service name, RFC 6335 §5.1. */
export function validatePortName(name: string, path: string): Violation[] {
  const faults: string[] = [];
  if (name.length > NAME_LENGTH_MAX) faults.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) {
    faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(name)) faults.push('must contain at least one letter (a-z)');
  if (name.includes('--')) faults.push('must not contain consecutive hyphens');
  if (/^-|-$/.test(name)) faults.push('must not begin or end with a hyphen');
  return faults.map((fault) => invalid(path, name, fault));
}
