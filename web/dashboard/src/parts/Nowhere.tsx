import { Link } from "wouter";

export function Nowhere({ what }: { what: string }) {
  return (
    <section className="empty">
      <title>Not there · Spaceport</title>
      <h1>There is no such {what}</h1>
      <p>It doesn’t exist, or it isn’t open to you (any more).</p>
      <p>
        <Link href="/">All spaces</Link>
      </p>
    </section>
  );
}
