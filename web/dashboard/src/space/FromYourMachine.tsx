import { Link } from "wouter";

import { Copyable } from "../parts/Copyable";
import type { Space } from "../spaces/space";
import { barOf, sshCommand } from "./features";

/** How to come in from one's own machine, and to copy files. */
export function FromYourMachine({ space }: { space: Space }) {
  const sshBar = barOf(space, "SSH");
  const filesBar = barOf(space, "FILES");
  const url = space.features.find(({ feature }) => feature === "SSH")?.url;
  const command = url ? sshCommand(url) : undefined;
  return (
    <section className="card" aria-labelledby="machine">
      <h2 id="machine">From your machine</h2>
      <h3>SSH</h3>
      {command ? (
        <>
          <Copyable text={command} what="the SSH command" />
          <p className="hint">
            With one of the <Link href="/account">keys of your account</Link>.
          </p>
        </>
      ) : (
        <p className="quiet">{sshBar ? `${sshBar}.` : "This Spaceport serves no SSH."}</p>
      )}
      <h3>Files</h3>
      {filesBar ? (
        <p className="quiet">{filesBar}.</p>
      ) : (
        <>
          <Copyable text={`spaceport cp ${space.name}:FILE .`} what="the command that copies a file out" />
          <p className="hint">With Spaceport’s command line; the other way round it copies files in.</p>
        </>
      )}
    </section>
  );
}
