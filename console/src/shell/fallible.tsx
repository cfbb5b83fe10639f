import { Component, type ReactNode } from 'react';
import { problemFrom } from '../api/client.ts';
import { Problem } from '../components/states.tsx';

type Props = { readonly children: ReactNode };

/** A page that breaks says so in its place; the frame stays. */
export class Fallible extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return <Problem problem={problemFrom(error)} onRetry={() => location.reload()} />;
  }
}
