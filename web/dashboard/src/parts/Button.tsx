import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends Omit<ButtonProps, "className"> {
  look?: "primary" | "danger" | "quiet";
  isSmall?: boolean;
  /** What it asked for is under way. It keeps the focus, which a disabled button loses. */
  isBusy?: boolean;
}

export function Button({ look, isSmall, isBusy = false, ...props }: Props) {
  const classes = ["button", look, isSmall && "small"].filter(Boolean).join(" ");
  return <AriaButton {...props} aria-disabled={isBusy || undefined} className={classes} />;
}
