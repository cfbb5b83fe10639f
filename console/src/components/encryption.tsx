// How encrypted an edge is, in a sign and in words; the same words everywhere.
import type { ReactNode } from 'react';
import type { Encryption } from '../api/types.ts';
import { Badge, type Tone } from './badge.tsx';
import { formatPercent } from './format.ts';
import { LockIcon } from './lock.tsx';

type Look = { readonly tone: Tone; readonly words: string };

export function encryptionLook({ state, share }: Encryption): Look {
  switch (state) {
    case 'mutual':
      return { tone: 'good', words: 'mTLS, seen by both ends' };
    case 'one-sided':
      return { tone: 'neutral', words: 'mTLS, reported by one end only' };
    case 'plaintext':
      return { tone: 'bad', words: 'plaintext' };
    case 'mixed':
      return { tone: 'warn', words: `${formatPercent(share)} mTLS, the rest plaintext` };
    case 'unknown':
      return { tone: 'unknown', words: 'encryption unknown' };
    default:
      return { tone: 'unknown', words: 'encryption unknown' };
  }
}

export function EncryptionBadge({ encryption }: { readonly encryption: Encryption }): ReactNode {
  const { tone, words } = encryptionLook(encryption);
  return (
    <Badge tone={tone}>
      <LockIcon state={encryption.state} /> {words}
    </Badge>
  );
}
