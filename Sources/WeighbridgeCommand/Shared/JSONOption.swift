import ArgumentParser

/// The bare `--json` of commands that print one document; `--json -` means the same.
struct JSONFlag: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print JSON alone on standard output.")
  var isSet = false

  var console: Console { Console(jsonOnly: isSet) }
}
