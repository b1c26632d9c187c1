//! The entry point that ONNX Runtime looks for in a library of operators.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort_sys::{OrtApiBase, OrtCustomOp, OrtCustomOpDomain, OrtSessionOptions, OrtStatusPtr};

use super::api::{Api, OK, VERSION};
use super::kernel::table;
use crate::ops::{
    AveragePool, Conv, ConvBits, Linear, LinearBits, MaxPool, OrderedConv, Pack, Unpack,
};
use crate::schema::DOMAIN_C;
use crate::tensor::{Refusal, refused};

static OPERATORS: [OrtCustomOp; 9] = [
    table::<Pack>(),
    table::<Unpack>(),
    table::<Linear>(),
    table::<LinearBits>(),
    table::<Conv>(),
    table::<ConvBits>(),
    table::<OrderedConv>(),
    table::<MaxPool>(),
    table::<AveragePool>(),
];

/// The domain of each ONNX Runtime in this process, by the addresses of both. Sessions use it until
/// they end, so that it is never released.
static DOMAINS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

/// Registers the operators of this library with the options of a session. ONNX Runtime's
/// `RegisterCustomOpsLibrary_V2`, in Python `SessionOptions.register_custom_ops_library`, calls it.
///
/// # Errors
/// A status, which the caller releases: an ONNX Runtime older than 1.17, or what it refuses itself.
///
/// # Safety
/// `options` and `base` are what ONNX Runtime passes to such a function.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name that ONNX Runtime looks for")]
pub unsafe extern "system" fn RegisterCustomOps(
    options: *mut OrtSessionOptions,
    base: *const OrtApiBase,
) -> OrtStatusPtr {
    // SAFETY: by the contract.
    let Some(base) = (unsafe { base.as_ref() }) else {
        return OK;
    };
    // SAFETY: the functions of a version live as long as the process; null is a version that there
    // is not.
    let (api, oldest) = unsafe { (Api::new((base.GetApi)(VERSION)), Api::new((base.GetApi)(1))) };
    let Some(api) = api else {
        // What makes statuses is in all versions.
        let old = Refusal("expected ONNX Runtime 1.17 or newer, found an older one".to_owned());
        return oldest.map_or(OK, |api| api.status(&old));
    };
    // SAFETY: by the contract.
    match unsafe { register(api, options) } {
        Ok(()) => OK,
        Err(refusal) => api.status(&refusal),
    }
}

/// # Safety
/// `options` are those of a session of the same ONNX Runtime.
unsafe fn register(api: Api, options: *mut OrtSessionOptions) -> Result<(), Refusal> {
    if options.is_null() {
        return refused("expected options of a session, found none");
    }
    let functions = api.functions();
    let mut domains = DOMAINS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = ptr::from_ref(functions).addr();
    let domain = match domains.get(&key) {
        Some(&domain) => ptr::with_exposed_provenance_mut(domain),
        None => {
            let domain = domain(api)?;
            domains.insert(key, domain.expose_provenance());
            domain
        }
    };
    // SAFETY: the domain is complete, and stays.
    api.checked(unsafe { (functions.AddCustomOpDomain)(options, domain) })
}

/// A new domain with all operators.
fn domain(api: Api) -> Result<*mut OrtCustomOpDomain, Refusal> {
    let functions = api.functions();
    let mut domain = ptr::null_mut();
    // SAFETY: the name ends in 0, and is constant.
    api.checked(unsafe { (functions.CreateCustomOpDomain)(DOMAIN_C.as_ptr(), &raw mut domain) })?;
    for operator in &OPERATORS {
        // SAFETY: the domain has been made just now; tables are constant.
        api.checked(unsafe { (functions.CustomOpDomain_Add)(domain, operator) })?;
    }
    Ok(domain)
}
