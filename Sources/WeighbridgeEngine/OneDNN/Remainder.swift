#if OneDNN
  /// What of an epilogue is still to do after a primitive did its part.
  struct Remainder {
    private(set) var residual: Tensor?
    private(set) var activation: Activation?

    /// The whole epilogue.
    init(_ epilogue: Epilogue) {
      (residual, activation) = (epilogue.residual, epilogue.activation)
    }

    init(_ epilogue: Epilogue, after done: LayerPlan.Post) {
      residual = done.addsResidual ? nil : epilogue.residual
      activation = done.rectifies ? nil : epilogue.activation
    }

    /// Says in the log which form of an operator runs, and what is left to do after it.
    func note(
      _ form: @autoclosure () -> String, by library: RunLog.Kernel.Library = .oneDNN
    ) {
      RunLog.note(
        RunLog.Kernel(
          library,
          ([form()] + (residual == nil ? [] : ["residual after it"])
            + (activation.map { ["\($0.name) after it"] } ?? [])).joined(separator: ", ")))
    }

    /// Applies the activation to the fresh output, if that is next and has a vector form.
    mutating func applyInPlace(_ output: UnsafeMutablePointer<Float>, count: Int) {
      guard residual == nil, let next = activation else { return }
      if next.applyInParallel(output, to: output, count: count) { activation = nil }
    }
  }

  extension OneDNNEngine {
    /// Does what remains.
    func finished(_ result: Tensor, _ rest: Remainder) throws -> Tensor {
      var result = result
      if let residual = rest.residual {
        result = try binary(.add, result, residual, output: result.shape)
      }
      guard let activation = rest.activation else { return result }
      return try activate(result, activation)
    }
  }
#endif
