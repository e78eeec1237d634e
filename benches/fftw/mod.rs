//! FFTW 3 in single precision, loaded at run time where it is installed, to measure against.

use libloading::Library;
use num_complex::Complex32;
use std::ffi::{c_int, c_uint, c_void};

type Plan = *mut c_void;

const MEASURE: c_uint = 0;

/// The functions of FFTW that the benchmark calls.
pub struct Fftw {
    plan_forward: unsafe extern "C" fn(c_int, c_int, *mut f32, *mut Complex32, c_uint) -> Plan,
    plan_inverse: unsafe extern "C" fn(c_int, c_int, *mut Complex32, *mut f32, c_uint) -> Plan,
    plan_threads: unsafe extern "C" fn(c_int),
    execute: unsafe extern "C" fn(Plan),
    destroy: unsafe extern "C" fn(Plan),
    /// Last, so that the libraries outlive the functions.
    _libraries: [Library; 2],
}

impl Fftw {
    /// Loads Debian's libraries; the text says which is missing.
    pub fn load() -> Result<Fftw, String> {
        // SAFETY: FFTW's libraries run no code of their own when loaded, and the types of the functions are those
        // of fftw3.h.
        unsafe {
            let serial = Library::new("libfftw3f.so.3").map_err(|e| e.to_string())?;
            let threads = Library::new("libfftw3f_threads.so.3").map_err(|e| e.to_string())?;
            let init: unsafe extern "C" fn() -> c_int = find(&threads, "fftwf_init_threads")?;
            if init() == 0 {
                return Err("FFTW cannot use threads".to_string());
            }
            Ok(Fftw {
                plan_forward: find(&serial, "fftwf_plan_dft_r2c_2d")?,
                plan_inverse: find(&serial, "fftwf_plan_dft_c2r_2d")?,
                plan_threads: find(&threads, "fftwf_plan_with_nthreads")?,
                execute: find(&serial, "fftwf_execute")?,
                destroy: find(&serial, "fftwf_destroy_plan")?,
                _libraries: [serial, threads],
            })
        }
    }

    /// Measures and makes the plans for a square plane.
    pub fn plan(&self, size: usize, threads: usize) -> FftwPlane<'_> {
        let mut image = aligned::<f32>(size * size);
        let mut spectrum = aligned::<Complex32>(size * (size / 2 + 1));
        let mut back = aligned::<f32>(size * size);
        let n = size as c_int;
        // SAFETY: the arrays have the sizes that FFTW's manual asks for and live as long as the plans.
        let (forward, inverse) = unsafe {
            (self.plan_threads)(threads as c_int);
            let spectrum = spectrum.as_mut_slice().as_mut_ptr();
            let forward = (self.plan_forward)(n, n, image.as_mut_slice().as_mut_ptr(), spectrum, MEASURE);
            (forward, (self.plan_inverse)(n, n, spectrum, back.as_mut_slice().as_mut_ptr(), MEASURE))
        };
        assert!(!forward.is_null() && !inverse.is_null(), "FFTW made no plan");
        FftwPlane { fftw: self, image, spectrum, _back: back, forward, inverse }
    }
}

/// # Safety
/// `T` must be the type of the function of that name.
unsafe fn find<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: the caller answers for the type.
    unsafe { library.get::<T>(name).map(|symbol| *symbol).map_err(|e| e.to_string()) }
}

fn aligned<T: bytemuck::Pod>(count: usize) -> Aligned<T> {
    Aligned {
        buffer: deconv::kernel::Buffer::zeroed(count * size_of::<T>()).expect("memory for a bench"),
        count,
        number: std::marker::PhantomData,
    }
}

/// A contiguous array, aligned to 64 bytes.
pub struct Aligned<T> {
    buffer: deconv::kernel::Buffer,
    count: usize,
    number: std::marker::PhantomData<T>,
}

impl<T: bytemuck::Pod> Aligned<T> {
    /// Its numbers.
    pub fn as_slice(&self) -> &[T] {
        &self.buffer.as_slice()[..self.count]
    }

    /// Its numbers, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.buffer.as_mut_slice()[..self.count]
    }
}

/// A plane, its spectrum and the plans between them.
pub struct FftwPlane<'a> {
    fftw: &'a Fftw,
    /// The image, row by row.
    pub image: Aligned<f32>,
    /// Its spectrum, row by row; the inverse transform destroys it.
    pub spectrum: Aligned<Complex32>,
    /// The image that the inverse transform makes: written by FFTW alone.
    _back: Aligned<f32>,
    forward: Plan,
    inverse: Plan,
}

impl FftwPlane<'_> {
    /// Image to spectrum.
    pub fn forward(&mut self) {
        // SAFETY: plan and arrays live in self.
        unsafe { (self.fftw.execute)(self.forward) }
    }

    /// Spectrum to image, unscaled.
    pub fn inverse(&mut self) {
        // SAFETY: plan and arrays live in self.
        unsafe { (self.fftw.execute)(self.inverse) }
    }
}

impl Drop for FftwPlane<'_> {
    fn drop(&mut self) {
        // SAFETY: the plans were made by FFTW and are not used again.
        unsafe {
            (self.fftw.destroy)(self.forward);
            (self.fftw.destroy)(self.inverse);
        }
    }
}
