import { useEffect, useRef, useState, type ComponentProps, type FormEvent } from "react";

interface Props extends Omit<ComponentProps<"form">, "onSubmit" | "noValidate" | "ref"> {
  /** Settles once it is known what became of it. */
  onSubmit: () => Promise<void>;
}

/** A form that keeps the keyboard where it goes on: what it says of itself is said by its fields and problems. */
export function Form({ onSubmit, ...props }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [settled, setSettled] = useState(0);
  useEffect(() => {
    if (settled > 0 && form.current) settleFocus(form.current);
  }, [settled]);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    await onSubmit();
    // With what has changed by it: the fields say what is wrong with them then.
    setSettled((before) => before + 1);
  };
  return <form {...props} ref={form} onSubmit={(event) => void submit(event)} noValidate />;
}

/**
 * Leads to the first field that is wrong. Where none is, and what had the focus can't have it any more, the
 * form begins anew. Whoever has gone elsewhere meanwhile stays there.
 */
function settleFocus(form: HTMLFormElement): void {
  const focused = document.activeElement;
  // What the form is in has it where it had gone before.
  const isLost = focused === null || focused.contains(form) || focused.matches(":disabled");
  if (!isLost && !form.contains(focused)) return;
  const wrong = form.querySelector<HTMLElement>("[aria-invalid=true]");
  if (wrong) wrong.focus();
  else if (isLost) form.querySelector<HTMLElement>("input:not([tabindex='-1']), textarea")?.focus();
}
